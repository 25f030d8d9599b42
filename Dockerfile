# evenhand in a container, for training and prediction on CPUs, or on NVIDIA's GPUs with --build-arg DEVICE=cuda:
#   docker build --tag evenhand .
#   docker run --rm --volume "$PWD:/work" evenhand train photos
FROM node:22-bookworm-slim AS packages
WORKDIR /source
COPY . .
RUN ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund
RUN node_modules/.bin/tsc -b && node scripts/pack.mjs --out /packages

FROM node:22-bookworm-slim
# g++ compiles the addon if there is no prebuilt one for libtorch; libgomp1 runs libtorch's threads.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates g++ libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=packages /packages /packages
RUN npm install --global --no-audit --no-fund /packages/*.tgz && rm -r /packages
ARG DEVICE=cpu
# For the runtime of NVIDIA's container toolkit; without it they mean nothing.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# A folder of its own, so that a volume for downloaded weights and decoded images does not hide libtorch.
ENV EVENHAND_CACHE=/opt/evenhand
RUN evenhand setup --$DEVICE --yes && chmod -R a+rwX /opt/evenhand
WORKDIR /work
ENTRYPOINT ["evenhand"]
CMD ["--help"]
