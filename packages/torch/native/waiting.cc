// How the threads of OpenMP wait for each other. libgomp's threads spin some milliseconds before they sleep, which bridges
// every pause of a training step. But if another program has a core, they spin for as long as one of them waits for that core,
// and the system sees no idle core to move it to. libgomp spins only some hundred nanoseconds while it has more threads than
// there are cores, which it looks up at each wait (config/linux/wait.h): an idle team makes it do so.
#include "environment.h"
#include "handles.h"

// g++ links libgomp, which has its own barrier for Linux.
#if defined(__linux__) && defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
#define EVENHAND_LIBGOMP
#include <dirent.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#endif

namespace evenhand {

#ifdef EVENHAND_LIBGOMP

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

// Often enough that a program that begins to compute costs little, rarely enough that looking costs nothing.
constexpr std::chrono::milliseconds interval{250};
// How much of a core other programs may take while the spin is long. A step takes longer by about what its slowest thread
// loses, and 7 to 10 % longer with the short spin.
constexpr double tolerated = 0.1;
// For how many intervals the spin stays short before one with the long spin shows whether other programs still compute. Twice
// as many each time that they do, so that a short disturbance costs little and a lasting one is not tested often.
constexpr int fewest = 4;
constexpr int most = 32;

// While it lives, libgomp has more threads than cores. libgomp ends the threads of a team with the thread that began it.
class IdleTeam {
 public:
  IdleTeam() {
    std::promise<void> ready;
    thread_ = std::thread([&ready, end = end_.get_future()] {
      const int size = omp_get_num_procs() + 1;
#pragma omp parallel num_threads(size)
      asm volatile("");  // the compiler leaves out a team that has nothing to do
      ready.set_value();
      end.wait();
    });
    ready.get_future().wait();
  }
  ~IdleTeam() {
    end_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> end_;
  std::thread thread_;
};

// How long each thread of this process has been ready to run without a core. Empty if the system does not count it.
std::unordered_map<int, Nanoseconds> timesWithoutCore() {
  std::unordered_map<int, Nanoseconds> times;
  DIR* folder = opendir("/proc/self/task");
  if (!folder) return times;
  while (const dirent* entry = readdir(folder)) {
    FILE* file = std::fopen(("/proc/self/task/" + std::string(entry->d_name) + "/schedstat").c_str(), "r");
    if (!file) continue;  // ".", "..", and threads that have just ended
    unsigned long long time;
    if (std::fscanf(file, "%*u %llu", &time) == 1) times[std::atoi(entry->d_name)] = Nanoseconds(time);
    std::fclose(file);
  }
  closedir(folder);
  return times;
}

// How many cores other programs have taken from this one since it was made or asked. Threads that spin are always ready to run.
class Losses {
 public:
  double coresLost() {
    const auto now = timesWithoutCore();
    const auto end = Clock::now();
    Nanoseconds lost{0};
    for (const auto& [thread, time] : now) {
      const auto earlier = before_.find(thread);
      if (earlier != before_.end()) lost += time - earlier->second;
    }
    const double cores = std::chrono::duration<double>(lost) / (end - begin_);
    before_ = now;
    begin_ = end;
    return cores;
  }

 private:
  std::unordered_map<int, Nanoseconds> before_ = timesWithoutCore();
  Clock::time_point begin_ = Clock::now();
};

// Makes the spin short while other programs take cores.
class Watch {
 public:
  Watch() : thread_([this] { run(); }) {}
  ~Watch() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void run() {
    Losses losses;
    std::optional<IdleTeam> team;
    int remaining = 0;
    int next = fewest;
    std::unique_lock<std::mutex> lock(mutex_);
    while (!changed_.wait_for(lock, interval, [this] { return ended_; })) {
      if (team) {
        if (--remaining > 0) continue;
        team.reset();
        losses = Losses();
      } else if (losses.coresLost() > tolerated) {
        team.emplace();
        remaining = next;
        next = std::min(2 * next, most);
      } else {
        next = fewest;
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;  // the last member, as it uses the others
};

// The state of the process. Never freed, as the end of the program does not wait for threads.
struct Waiting {
  std::mutex mutex;
  std::optional<IdleTeam> team;
  std::optional<Watch> watch;
  napi_env owner = nullptr;  // the environment that set it last
};

Waiting& waiting() {
  static auto* state = new Waiting();
  return *state;
}

// The threads' code must not be unloaded while they run, which may happen when a worker ends.
void leave(napi_env env) {
  Waiting& state = waiting();
  const std::lock_guard<std::mutex> lock(state.mutex);
  if (state.owner != env) return;
  state.watch.reset();
  state.team.reset();
}

bool setMode(napi_env env, bool isShort, bool isAdaptive) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return false;
  if (isAdaptive && timesWithoutCore().empty()) return false;
  Waiting& state = waiting();
  const std::lock_guard<std::mutex> lock(state.mutex);
  state.owner = env;
  if (!isAdaptive) state.watch.reset();
  if (!isShort) state.team.reset();
  if (isShort && !state.team) state.team.emplace();
  if (isAdaptive && !state.watch) state.watch.emplace();
  return true;
}

}  // namespace

#endif

// setThreadWaiting('long', 'short' or 'adaptive') -> whether it can be set here
static Napi::Value setThreadWaiting(const Napi::CallbackInfo& info) {
  const std::string mode = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (mode != "long" && mode != "short" && mode != "adaptive")
    throw badArgument("setThreadWaiting: mode must be 'long', 'short' or 'adaptive', got " + describe(info[0]));
#ifdef EVENHAND_LIBGOMP
  return Napi::Boolean::New(info.Env(), setMode(info.Env(), mode == "short", mode == "adaptive"));
#else
  return Napi::Boolean::New(info.Env(), false);
#endif
}

void exportWaiting(Napi::Object exports) {
  define<setThreadWaiting>(exports, "setThreadWaiting");
#ifdef EVENHAND_LIBGOMP
  napi_add_env_cleanup_hook(exports.Env(), [](void* env) { leave(static_cast<napi_env>(env)); }, static_cast<napi_env>(exports.Env()));
#endif
}

}  // namespace evenhand
