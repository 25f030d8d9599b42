#!/usr/bin/env python3
"""The state-dict keys of torchvision's RegNets and what timm makes of them.

    TIMM=/path/to/pytorch-image-models /usr/bin/python3 tools/golden_regnet_keys.py

Writes packages/evenhand/golden/models/regnet-keys.json.gz: torchvision's key -> timm's, of regnet_y_400mf. Those of the
other RegNets of torchvision are made of the same parts.
"""

import gzip
import json
import os
import pathlib
import sys

sys.path.insert(0, os.environ.get("TIMM", "../timm"))
import torchvision
from timm.models.regnet import _filter_fn

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/evenhand/golden/models/regnet-keys.json.gz"

if __name__ == "__main__":
    keys = torchvision.models.regnet_y_400mf(weights=None).state_dict().keys()
    renamed = {value: key for key, value in _filter_fn({key: key for key in keys}).items()}
    OUT.write_bytes(gzip.compress(json.dumps(renamed).encode(), mtime=0))
    print(f"{len(renamed)} keys, {OUT.stat().st_size} bytes")
