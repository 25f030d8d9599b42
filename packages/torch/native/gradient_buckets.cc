// Starts the all-reduce of a bucket of gradients when `backward` has completed it, as PyTorch's DistributedDataParallel does
// (Li et al., arXiv 2006.15704). src/distributed/gradient-buckets.ts makes the buckets.
#include "distributed.h"

#ifdef EVENHAND_GLOO
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include "handles.h"
#include "types.h"

namespace evenhand {

namespace {

namespace autograd = torch::autograd;

struct Bucket {
  at::Tensor flat;  // the gradients of these parameters are views of it
  std::vector<at::Tensor> parameters;
  size_t pending = 0;
  Started started{};
};

struct Buckets {
  const Group& group;  // never freed
  std::vector<Bucket> all;
  std::vector<decltype(autograd::impl::grad_accumulator(at::Tensor()))> accumulators;
  size_t next = 0;
  bool armed = false;

  explicit Buckets(const Group& group) : group(group) {}

  void ready(size_t index) {
    if (!armed || all[index].pending == 0) return;
    all[index].pending--;
    // Every rank must start them in the same order.
    while (next < all.size() && all[next].pending == 0) launch();
  }

  void launch() {
    Bucket& bucket = all[next++];
    bucket.started = startAllReduce(group, bucket.flat, "sum");
  }
};

struct Hook : autograd::FunctionPostHook {
  Hook(std::weak_ptr<Buckets> owner, size_t bucket) : owner(std::move(owner)), bucket(bucket) {}
  autograd::variable_list operator()(const autograd::variable_list& outputs, const autograd::variable_list&) override {
    if (const auto buckets = owner.lock()) buckets->ready(bucket);
    return outputs;
  }
  std::weak_ptr<Buckets> owner;
  size_t bucket;
};

using BucketsPointer = std::shared_ptr<Buckets>;

Buckets& bucketsOf(const Napi::Value& value) {
  const auto& buckets = handleOf<BucketsPointer>(value, "gradient buckets");
  if (!buckets) throw badArgument("these GradientBuckets were disposed");
  return *buckets;
}

// newBuckets(group, flat tensors, parameters of each)
Napi::Value newBuckets(const Napi::CallbackInfo& info) {
  auto buckets = std::make_shared<Buckets>(handleOf<Group>(info[0], "a process group"));
  const auto flats = parseTensors(info[1], "flats");
  for (uint32_t i = 0; i < flats.size(); i++) {
    buckets->all.push_back({flats[i], parseTensors(info[2].As<Napi::Array>().Get(i), "parameters")});
    for (const at::Tensor& parameter : buckets->all[i].parameters) {
      // The node that adds to the gradient of this parameter. Autograd does not keep it alive.
      auto node = autograd::impl::grad_accumulator(parameter);
      node->add_post_hook(std::make_unique<Hook>(buckets, i));
      buckets->accumulators.push_back(std::move(node));
    }
  }
  return Napi::External<BucketsPointer>::New(info.Env(), new BucketsPointer(buckets), [](Napi::Env, BucketsPointer* each) { delete each; });
}

// armBuckets(buckets): the next backward starts each bucket that it completes
Napi::Value armBuckets(const Napi::CallbackInfo& info) {
  Buckets& buckets = bucketsOf(info[0]);
  for (Bucket& bucket : buckets.all) {
    for (const at::Tensor& parameter : bucket.parameters) {
      if (parameter.grad().defined() && parameter.grad().is_alias_of(bucket.flat)) continue;
      throw badArgument("the gradient of a parameter " + describeTensor(parameter) +
                        " is not in its bucket: call zero() of GradientBuckets before backward, not zeroGrad() of an optimizer");
    }
    bucket.pending = bucket.parameters.size();
    bucket.started.work.reset();
  }
  buckets.next = 0;
  buckets.armed = true;
  return info.Env().Undefined();
}

// launchBuckets(buckets): starts those that no backward completed, because some parameters have no gradient this time
Napi::Value launchBuckets(const Napi::CallbackInfo& info) {
  Buckets& buckets = bucketsOf(info[0]);
  if (!buckets.armed) throw badArgument("finish() of GradientBuckets needs arm() before the last backward");
  buckets.armed = false;
  while (buckets.next < buckets.all.size()) buckets.launch();
  return info.Env().Undefined();
}

// waitForBuckets(buckets, milliseconds) -> whether all are done
Napi::Value waitForBuckets(const Napi::CallbackInfo& info) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(parseInt(info[1], "milliseconds"));
  for (Bucket& bucket : bucketsOf(info[0]).all) {
    if (!bucket.started.work) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (!waitFor(bucket.started, std::max(left, std::chrono::milliseconds(1)))) return Napi::Boolean::New(info.Env(), false);
    bucket.started.work.reset();
  }
  return Napi::Boolean::New(info.Env(), true);
}

// disposeBuckets(buckets): removes the hooks
Napi::Value disposeBuckets(const Napi::CallbackInfo& info) {
  handleOf<BucketsPointer>(info[0], "gradient buckets").reset();
  return info.Env().Undefined();
}

}  // namespace

void exportGradientBuckets(Napi::Object exports) {
  define<newBuckets>(exports, "newBuckets");
  define<armBuckets>(exports, "armBuckets");
  define<launchBuckets>(exports, "launchBuckets");
  define<waitForBuckets>(exports, "waitForBuckets");
  define<disposeBuckets>(exports, "disposeBuckets");
}

}  // namespace evenhand

#endif
