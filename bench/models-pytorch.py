"""Features or training steps of a timm model with PyTorch, for `npm run bench -- models`.

`probe DEVICE` prints versions; `written SETTINGS` runs PyTorch as usually written; `tuned SETTINGS` as its guides advise:
channels_last, AdamW over lists of tensors (fused on CUDA), TF32 and the fastest algorithms of cuDNN.
"""
import json, os, resource, sys, time

if os.environ.get("TIMM"):
    sys.path.insert(0, os.environ["TIMM"])
import torch

how, argument = sys.argv[1:3]
if how == "probe":
    try:
        import timm
    except ImportError as error:
        sys.exit(f"timm cannot be imported ({error}); set TIMM to a checkout of its repository or run pip install timm")
    if argument == "cuda" and not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} of {sys.executable} finds no CUDA device")
    print(json.dumps(dict(torch=torch.__version__, timm=timm.__version__)))
    sys.exit()

import timm

settings = json.loads(argument)
device, batch, size = settings["device"], settings["batch"], settings["size"]
cuda, tuned, training = device == "cuda", how == "tuned", settings["task"] == "step"
torch.set_num_threads(settings["threads"])
torch.manual_seed(0)
if tuned and cuda:
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
memory_format = torch.channels_last if tuned else torch.contiguous_format
try:
    model = timm.create_model(settings["architecture"], num_classes=1000, img_size=size)
except TypeError:  # a network of any size
    model = timm.create_model(settings["architecture"], num_classes=1000)
model = model.train(training).to(device, memory_format=memory_format)
lists = dict(fused=True) if cuda else dict(foreach=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, **(lists if tuned else {}))
images = torch.randn(batch, 3, size, size, device=device).to(memory_format=memory_format)
labels = torch.arange(batch, device=device) % 1000
loss_function = torch.nn.CrossEntropyLoss()
mixed = lambda: torch.autocast(device, dtype=torch.bfloat16, enabled=settings["precision"] == "bfloat16")


def step():
    optimizer.zero_grad()
    with mixed():
        loss = loss_function(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


def features():
    with torch.inference_mode() if tuned else torch.no_grad(), mixed():
        return model.forward_head(model.forward_features(images), pre_logits=True)


run = step if training else features
for _ in sys.stdin:
    begin = time.perf_counter()
    for _ in range(settings["steps"]):
        result = run()
    result.sum().item()  # waits for the device
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(images=settings["steps"] * batch, seconds=seconds, peakMB=peak)), flush=True)
