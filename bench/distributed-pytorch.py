"""One process of a data-parallel training with PyTorch's DistributedDataParallel, for `npm run bench -- distributed`."""
import contextlib, json, os, sys, time
import torch, torchvision
import torch.distributed as dist

settings = json.loads(sys.argv[1])
size, steps = settings["size"], settings["steps"]
world = int(os.environ["WORLD_SIZE"])
torch.set_num_threads(settings["threads"])
torch.manual_seed(0)
if world > 1:
    dist.init_process_group("gloo")
images = settings["batch"] // world
network = getattr(torchvision.models, settings["model"])().train().to(memory_format=torch.channels_last)
model = torch.nn.parallel.DistributedDataParallel(network) if world > 1 else network
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, foreach=True)
pixels = torch.randn(images, 3, size, size).to(memory_format=torch.channels_last)
labels = torch.arange(images) % 1000
loss_function = torch.nn.CrossEntropyLoss()
gradients = torch.zeros(sum(each.numel() for each in network.parameters()))


def step(turn):
    if turn == "alone":  # in buckets of the sizes of DDP
        pieces = [gradients[: 2**18], *gradients[2**18 :].split(25 * 2**18)]
        for work in [dist.all_reduce(each, async_op=True) for each in pieces]:
            work.wait()
        return
    optimizer.zero_grad(set_to_none=True)
    with model.no_sync() if turn == "none" and world > 1 else contextlib.nullcontext():
        loss_function(model(pixels), labels).backward()
    optimizer.step()


for line in sys.stdin:
    if world > 1:
        dist.barrier()
    begin = time.perf_counter()
    for _ in range(steps):
        step(line.strip())
    print((time.perf_counter() - begin) * 1000 / steps, flush=True)
