"""A training step of a torchvision model with PyTorch, for `npm run bench -- step`.

`usual` is PyTorch as usually written, in float32; `tuned` is optimized by the user: channels_last, and on GPUs the given
precision, TF32 and fused AdamW.
"""
import contextlib, json, resource, sys, time
import torch, torchvision

style, name, device, precision = sys.argv[1:5]
batch, size, steps, threads = map(int, sys.argv[5:9])
torch.set_num_threads(threads)
torch.manual_seed(0)
tuned, gpu = style == "tuned", device != "cpu"
memory_format = torch.channels_last if tuned else torch.contiguous_format
model = torchvision.models.get_model(name) if hasattr(torchvision.models, "get_model") else getattr(torchvision.models, name)()
model = model.train().to(device=device, memory_format=memory_format)
optimizer_options = dict(fused=True) if tuned and gpu else dict(foreach=True) if tuned else {}
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, **optimizer_options)
images = torch.randn(batch, 3, size, size).to(device=device, memory_format=memory_format)
labels = torch.arange(batch, device=device)
loss_function = torch.nn.CrossEntropyLoss()
half = tuned and precision == "bfloat16"
if tuned and gpu:
    torch.backends.cuda.matmul.allow_tf32 = True

for _ in sys.stdin:
    begin = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16) if half else contextlib.nullcontext():
            loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
    loss.item()
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(images=steps * batch, seconds=seconds, peakMB=peak)), flush=True)
