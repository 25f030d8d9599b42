#!/usr/bin/env python3
"""Numbers of parameters of timm's architectures at 1,000 classes, computed by timm itself without memory for weights.

    TIMM=/path/to/pytorch-image-models /usr/bin/python3 tools/golden_timm_parameters.py MODULE...

MODULE is a file of timm/models, such as `eva`. See golden_timm.py for what it runs with.
Writes packages/evenhand/golden/models/timm-parameters/MODULE.json: name of an architecture -> number of parameters.
"""

import json
import os
import pathlib
import sys

sys.path.insert(0, os.environ.get("TIMM", "../timm"))
import timm

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/evenhand/golden/models/timm-parameters"


def count(name):
    model = timm.create_model(name, num_classes=1000, device="meta")
    return sum(parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for module in sys.argv[1:]:
        counts = {name: count(name) for name in timm.list_models(module=module)}
        (OUT / f"{module}.json").write_text(json.dumps(counts, indent=1) + "\n")
        print(f"{module}: {len(counts)} architectures")
