#!/usr/bin/env node
// Apart from the compiled files, so that npm can link it before they are there.
// libvips decodes in the threads of libuv, which are four by default, whatever the machine has. Their number must be set
// before the first is started, which loading an ES module does; hence this is a CommonJS file.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, require('node:os').availableParallelism()));
import('../dist/cli/main.js');
