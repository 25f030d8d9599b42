"""A training step of a torchvision model with PyTorch, for `npm run bench -- step`.

`usual SETTINGS` is PyTorch as usually written, in float32; `tuned SETTINGS` is optimized by the user: channels_last, the given
precision, on GPUs TF32 and fused AdamW, on CPUs AdamW over lists of tensors; with a mode of torch.compile in the settings the
model is compiled too.
"""
import contextlib, json, resource, sys, time
import torch, torchvision

how, settings = sys.argv[1], json.loads(sys.argv[2])
device, batch, size, steps = (settings[key] for key in ("device", "batch", "size", "steps"))
torch.set_num_threads(settings["threads"])
torch.manual_seed(0)
tuned, gpu, mode = how == "tuned", device != "cpu", settings["compile"]
memory_format = torch.channels_last if tuned else torch.contiguous_format
model = getattr(torchvision.models, settings["model"])().train().to(device=device, memory_format=memory_format)
optimizer_options = dict(fused=True) if tuned and gpu else dict(foreach=True) if tuned else {}
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, **optimizer_options)
images = torch.randn(batch, 3, size, size).to(device=device, memory_format=memory_format)
labels = (torch.arange(batch) % 1000).to(device)
loss_function = torch.nn.CrossEntropyLoss()
half = tuned and settings["precision"] == "bfloat16"
if tuned and gpu:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True


def run(count):
    for _ in range(count):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16) if half else contextlib.nullcontext():
            loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
    loss.item()


skipped, compiled = None, {}
if mode and not hasattr(torch, "compile"):
    skipped = f"torch {torch.__version__} has no torch.compile (2.0 or newer)."
elif mode:
    begin = time.perf_counter()
    try:
        model = torch.compile(model, mode=mode)
        run(3)  # CUDA graphs are captured in the second and third
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        skipped = f"torch.compile failed: {type(error).__name__}{': ' + lines[0] if lines else ''}"
    compiled = dict(compileSeconds=time.perf_counter() - begin)

for _ in sys.stdin:
    if skipped:
        print(json.dumps(dict(skipped=skipped)), flush=True)
        continue
    begin = time.perf_counter()
    run(steps)
    seconds = time.perf_counter() - begin
    peak = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(dict(images=steps * batch, seconds=seconds, peakMB=peak / 2**20, **compiled)), flush=True)
