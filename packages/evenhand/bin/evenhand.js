#!/usr/bin/env node
// Apart from the compiled files, so that npm can link it before they are there.
import '../dist/cli/main.js';
