"""A training step of EfficientNet-B0 with PyTorch and torchvision, for `npm run bench -- step`.

`contiguous` is PyTorch as usually written; `channels_last` is optimized by the user.
"""
import json, resource, sys, time
import torch, torchvision

layout, (batch, size, steps, threads) = sys.argv[1], map(int, sys.argv[2:6])
torch.set_num_threads(threads)
torch.manual_seed(0)
fast = layout == "channels_last"
memory_format = torch.channels_last if fast else torch.contiguous_format
model = torchvision.models.efficientnet_b0(weights=None).train().to(memory_format=memory_format)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, foreach=True if fast else None)
images = torch.randn(batch, 3, size, size).to(memory_format=memory_format)
labels = torch.arange(batch)
loss_function = torch.nn.CrossEntropyLoss()

for _ in sys.stdin:
    begin = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss_function(model(images), labels).backward()
        optimizer.step()
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(images=steps * batch, seconds=seconds, peakMB=peak)), flush=True)
