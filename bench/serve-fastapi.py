"""A FastAPI server of an ONNX model: serve-fastapi.py MODEL LABELS PRESET THREADS. It prints its port, then serves.

PRESET is JSON with resize, crop, mean and std. THREADS is the number of threads of ONNX Runtime for one image; 0 leaves it
to ONNX Runtime. As many images are computed at a time as there are cores if it is 1.
"""

import io
import json
import os
import socket
import sys

import anyio.to_thread
import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image, ImageOps

model, labels, preset, threads = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
classes = open(labels).read().split("\n")
resize, crop = preset["resize"], preset["crop"]
mean = np.array(preset["mean"], np.float32)
std = np.array(preset["std"], np.float32)

options = ort.SessionOptions()
options.intra_op_num_threads = threads
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def classify(body):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(body)).convert("RGB"))
    scale = resize / min(image.size)
    image = image.resize([max(resize, int(side * scale)) for side in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    pixels = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float32)
    pixels = ((pixels / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
    logits = session.run(["logits"], {"pixel_values": pixels})[0][0]
    odds = np.exp(logits - logits.max())
    probabilities = odds / odds.sum()
    top = np.argsort(-probabilities)[:5]
    return {"predictions": [{"label": classes[top[0]], "top": [[classes[k], float(probabilities[k])] for k in top]}]}


app = FastAPI()


@app.on_event("startup")
def limit_threads():
    if threads == 1:
        anyio.to_thread.current_default_thread_limiter().total_tokens = os.cpu_count()


@app.post("/v1/predict")
async def predict(request: Request):
    return await run_in_threadpool(classify, await request.body())


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])
