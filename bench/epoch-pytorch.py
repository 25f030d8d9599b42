"""Epochs of a torchvision model from JPEG files with torchvision's transforms and PyTorch's DataLoader, for
`npm run bench -- epoch`: channels_last, persistent workers, pinned memory, on GPUs the given precision, TF32 and fused AdamW.
Prints a line of JSON per epoch.
"""
import contextlib, csv, json, os, sys, time
import torch, torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Photos(Dataset):
    def __init__(self, folder, part, classes, transform):
        with open(os.path.join(folder, f"{part}.csv"), newline="") as file:
            rows = list(csv.DictReader(file))
        self.files = [os.path.join(folder, part, "images", row["filename"]) for row in rows]
        self.labels = [classes.index(row["label"]) for row in rows]
        self.transform = transform

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return self.transform(Image.open(self.files[i]).convert("RGB")), self.labels[i]


def main(data, model, device, precision, batch, size, resize, epochs, workers, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    gpu = device != "cpu"
    with open(os.path.join(data, "label_list.txt")) as file:
        classes = file.read().splitlines()
    end = [T.ToTensor(), T.Normalize(MEAN, STD)]
    augment = T.Compose([
        T.RandomResizedCrop(size, scale=(0.35, 1)), T.RandomHorizontalFlip(), T.ColorJitter(0.2, 0.2, 0.2, 0.1), T.RandomRotation(15), *end,
    ])
    evaluate = T.Compose([T.Resize(resize), T.CenterCrop(size), *end])
    options = dict(batch_size=batch, num_workers=workers, pin_memory=gpu, persistent_workers=True, prefetch_factor=2)
    train = DataLoader(Photos(data, "train", classes, augment), shuffle=True, drop_last=True, **options)
    val = DataLoader(Photos(data, "val", classes, evaluate), **options)
    model = getattr(torchvision.models, model)(num_classes=len(classes)).to(device=device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2, **(dict(fused=True) if gpu else dict(foreach=True)))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(train))
    loss_function = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    if gpu:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True

    def half():
        return torch.autocast(device.split(":")[0], dtype=torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()

    def upload(images, labels):
        images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
        return images, labels.to(device, non_blocking=True)

    for epoch in range(epochs):
        begin = time.perf_counter()
        model.train()
        total = torch.zeros((), device=device)
        for images, labels in train:
            images, labels = upload(images, labels)
            with half():
                loss = loss_function(model(images), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        mean_loss = total.item() / len(train)  # waits for the device
        trained = time.perf_counter() - begin
        model.eval()
        correct = torch.zeros((), device=device)
        with torch.no_grad():
            for images, labels in val:
                images, labels = upload(images, labels)
                with half():
                    logits = model(images)
                correct += (logits.argmax(1) == labels).sum()
        accuracy = correct.item() / len(val.dataset)
        seconds = time.perf_counter() - begin
        print(json.dumps(dict(imagesPerSecond=len(train) * batch / trained, seconds=seconds, loss=mean_loss, accuracy=accuracy)), flush=True)
        state = dict(model=model.state_dict(), optimizer=optimizer.state_dict(), epoch=epoch)
        torch.save(state, os.path.join(data, "checkpoint.pt"))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
