// Several processes: the store where they meet, and collectives. Which rank is missing or gone, and the sentences that say
// so, are in src/distributed.
#include "distributed.h"

#ifdef EVENHAND_GLOO
#include <c10/util/Logging.h>
#include <netdb.h>
#include <sys/socket.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "handles.h"
#include "types.h"
#endif

namespace evenhand {

#ifdef EVENHAND_GLOO

using StorePointer = c10::intrusive_ptr<c10d::Store>;

static std::string text(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }
static std::chrono::milliseconds milliseconds(const Napi::Value& value) { return std::chrono::milliseconds(parseInt(value, "milliseconds")); }
static StorePointer& storeOf(const Napi::Value& value) { return handleOf<StorePointer>(value, "a store"); }
static Group& groupOf(const Napi::Value& value) { return handleOf<Group>(value, "a process group"); }

// Calls `work`, and no longer waits for it after `limit`. A store whose process stands still would keep the caller for ever.
template <typename Work>
static auto within(std::chrono::milliseconds limit, Work work) {
  auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
  auto result = task->get_future();
  std::thread([task] { (*task)(); }).detach();
  if (result.wait_for(limit) != std::future_status::ready) throw Failure("distributed", "the store does not answer");
  return result.get();
}

// openStore(host, port, whether to host it, milliseconds)
static Napi::Value openStore(const Napi::CallbackInfo& info) {
  // From now on c10d would print each attempt to connect, and each failure with a backtrace. Our errors say it once.
  if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 3;
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(parseInt(info[1], "port"));
  options.isServer = parseBool(info[2], "isServer");
  options.timeout = milliseconds(info[3]);
  return Napi::External<StorePointer>::New(info.Env(), new StorePointer(c10::make_intrusive<c10d::TCPStore>(text(info[0]), options)));
}

// storeSet(store, key, value, milliseconds)
static Napi::Value storeSet(const Napi::CallbackInfo& info) {
  const std::string value = text(info[2]);
  within(milliseconds(info[3]), [store = storeOf(info[0]), key = text(info[1]), bytes = std::vector<uint8_t>(value.begin(), value.end())] {
    store->set(key, bytes);
  });
  return info.Env().Undefined();
}

// storeAdd(store, key, milliseconds) -> how often it was called with this key
static Napi::Value storeAdd(const Napi::CallbackInfo& info) {
  const int64_t count = within(milliseconds(info[2]), [store = storeOf(info[0]), key = text(info[1])] { return store->add(key, 1); });
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

// storeGet(store, key, milliseconds) -> its value, or null if it was not set so far
static Napi::Value storeGet(const Napi::CallbackInfo& info) {
  const auto value = within(milliseconds(info[2]), [store = storeOf(info[0]), key = text(info[1])]() -> std::unique_ptr<std::vector<uint8_t>> {
    return store->check({key}) ? std::make_unique<std::vector<uint8_t>>(store->get(key)) : nullptr;
  });
  if (!value) return info.Env().Null();
  return Napi::String::New(info.Env(), std::string(value->begin(), value->end()));
}

// closeStore(store)
static Napi::Value closeStore(const Napi::CallbackInfo& info) {
  storeOf(info[0]).reset();
  return info.Env().Undefined();
}

// addressTowards(host) -> the address of this machine from which packets to the host are sent; null if the host is unknown
static Napi::Value addressTowards(const Napi::CallbackInfo& info) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(text(info[0]).c_str(), "9", &hints, &found) != 0) return info.Env().Null();
  Napi::Value result = info.Env().Null();
  for (const addrinfo* each = found; each && result.IsNull(); each = each->ai_next) {
    const int handle = socket(each->ai_family, SOCK_DGRAM, 0);
    sockaddr_storage own{};
    socklen_t length = sizeof(own);
    char name[NI_MAXHOST];
    // Connecting a datagram socket sends nothing.
    if (handle >= 0 && connect(handle, each->ai_addr, each->ai_addrlen) == 0 && getsockname(handle, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr*>(&own), length, name, sizeof(name), nullptr, 0, NI_NUMERICHOST) == 0) {
      result = Napi::String::New(info.Env(), name);
    }
    if (handle >= 0) close(handle);
  }
  freeaddrinfo(found);
  return result;
}

// openGroup(store, prefix of its keys, rank, size, milliseconds, address or interfaces, whether these are interfaces, NCCL too)
static Napi::Value openGroup(const Napi::CallbackInfo& info) {
  const StorePointer store = c10::make_intrusive<c10d::PrefixStore>(text(info[1]), storeOf(info[0]));
  const int rank = static_cast<int>(parseInt(info[2], "rank"));
  const int size = static_cast<int>(parseInt(info[3], "size"));
  const auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(info[4]));
  const Napi::Array places = info[5].As<Napi::Array>();
  for (uint32_t i = 0; i < places.Length(); i++) {
    const std::string place = text(places.Get(i));
    options->devices.push_back(parseBool(info[6], "areInterfaces") ? c10d::ProcessGroupGloo::createDeviceForInterface(place)
                                                                 : c10d::ProcessGroupGloo::createDeviceForHostname(place));
  }
  options->threads = 2 * static_cast<int>(options->devices.size());
  auto group = std::make_unique<Group>();
  group->cpu = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
  if (parseBool(info[7], "nccl")) {
    // NCCL's watchdog ends the process when a peer is gone, and must say why.
    if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 1;
    group->gpu = newNcclGroup(c10::make_intrusive<c10d::PrefixStore>("nccl", store), rank, size, milliseconds(info[4]));
  }
  return Napi::External<Group>::New(info.Env(), group.release());
}

// closeGroup(group)
static Napi::Value closeGroup(const Napi::CallbackInfo& info) {
  groupOf(info[0]) = Group();
  return info.Env().Undefined();
}

bool waitFor(const Started& started, std::chrono::milliseconds limit) {
  // With a limit, NCCL would wait for the GPU, and end the group when the limit is over.
  if (started.queued) return started.work->wait();
  try {
    return started.work->wait(limit);
  } catch (...) {
    if (!started.work->isCompleted()) return false;
  }
  return started.work->wait();  // throws the failure, unless the work was done in this moment
}

Started startAllReduce(const Group& group, at::Tensor tensor, const std::string& operation) {
  c10d::AllreduceOptions options;
  if (operation == "max") options.reduceOp = c10d::ReduceOp::MAX;
  if (operation == "min") options.reduceOp = c10d::ReduceOp::MIN;
  std::vector<at::Tensor> one{std::move(tensor)};
  return {group.of(one[0]).allreduce(one, options), group.usesNccl(one[0])};
}

static Napi::Value handle(Napi::Env env, Started started) {
  return Napi::External<Started>::New(env, new Started(std::move(started)), [](Napi::Env, Started* each) { delete each; });
}

static at::Tensor bytesOf(const at::Tensor& tensor) {
  if (!tensor.is_contiguous()) throw badArgument("a collective needs a contiguous tensor");
  return tensor.detach().view({-1}).view(at::kByte);
}

// allReduce(group, contiguous tensor, sum | max | min) -> started work, in place
static Napi::Value allReduce(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = unwrapTensor(info[1], "tensor").detach();
  return handle(info.Env(), startAllReduce(groupOf(info[0]), tensor, text(info[2])));
}

// broadcast(group, contiguous tensor, source) -> started work, in place
static Napi::Value broadcast(const Napi::CallbackInfo& info) {
  std::vector<at::Tensor> one{bytesOf(unwrapTensor(info[1], "tensor"))};
  c10d::BroadcastOptions options;
  options.rootRank = parseInt(info[2], "source");
  const Group& group = groupOf(info[0]);
  return handle(info.Env(), {group.of(one[0]).broadcast(one, options), group.usesNccl(one[0])});
}

// allGather(group, contiguous tensor, one tensor of its shape for each rank) -> started work
static Napi::Value allGather(const Napi::CallbackInfo& info) {
  std::vector<at::Tensor> one{bytesOf(unwrapTensor(info[1], "tensor"))};
  std::vector<std::vector<at::Tensor>> all(1);
  for (const at::Tensor& each : parseTensors(info[2], "results")) all[0].push_back(bytesOf(each));
  const Group& group = groupOf(info[0]);
  return handle(info.Env(), {group.of(one[0]).allgather(all, one), group.usesNccl(one[0])});
}

// waitForWork(work, milliseconds) -> whether it is done
static Napi::Value waitForWork(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), waitFor(handleOf<Started>(info[0], "started work"), milliseconds(info[1])));
}

#ifndef EVENHAND_NCCL
bool hasNccl() { return false; }
c10::intrusive_ptr<Backend> newNcclGroup(const StorePointer&, int, int, std::chrono::milliseconds) {
  throw badArgument("this addon was built without NCCL");
}
#endif

#endif

// distributedBackends() -> what was built in
static Napi::Value distributedBackends(const Napi::CallbackInfo& info) {
  Napi::Object backends = Napi::Object::New(info.Env());
#ifdef EVENHAND_GLOO
  backends.Set("gloo", true);
  backends.Set("nccl", hasNccl());
#else
  backends.Set("gloo", false);
  backends.Set("nccl", false);
#endif
  return backends;
}

void exportDistributed(Napi::Object exports) {
  define<distributedBackends>(exports, "distributedBackends");
#ifdef EVENHAND_GLOO
  define<openStore>(exports, "openStore");
  define<storeSet>(exports, "storeSet");
  define<storeAdd>(exports, "storeAdd");
  define<storeGet>(exports, "storeGet");
  define<closeStore>(exports, "closeStore");
  define<addressTowards>(exports, "addressTowards");
  define<openGroup>(exports, "openGroup");
  define<closeGroup>(exports, "closeGroup");
  define<allReduce>(exports, "allReduce");
  define<broadcast>(exports, "broadcast");
  define<allGather>(exports, "allGather");
  define<waitForWork>(exports, "waitForWork");
  exportGradientBuckets(exports);
#endif
}

}  // namespace evenhand
