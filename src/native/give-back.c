/*
 * The calls of the system that keep the daemon small, for src/main/footprint, and the one that Node lacks for telling
 * systemd how it is, for src/main/service. It decides nothing: which parts of memory are to be given back is found in
 * mappings.ts, and comes in as pairs of address and length.
 *
 *   giveBack(ranges) → how many the kernel refused
 *   withoutFaultAround(ranges) → how many are without it now, or less than 0, -errno
 *   trim() → whether the C library could be asked
 *   quietMutexes() → whether this Node has the switch
 *   giveBackFilled(range) → bytes of the table of locks that were given back
 *   countPresent(range, counts) → whether /proc/self/pagemap told
 *   collect() → whether this Node has the call
 *   notify(address, text) → 0, or -errno
 *
 * Built by scripts/build.mjs where there is a C compiler. Plain C and Node-API, so that one build serves every Node.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <node_api.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

struct ranges {
  const uint64_t *pairs;
  size_t count;
};

struct counts {
  uint8_t *each;
  size_t length;
};

/* The first argument, a BigUint64Array, and the second, a Uint8Array; none where it is anything else. */
static struct ranges arguments(napi_env env, napi_callback_info info, struct counts *counts) {
  struct ranges found = {NULL, 0};
  size_t given = 2, length = 0;
  napi_value arrays[2];
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &given, arrays, NULL, NULL) != napi_ok) return found;
  if (given > 0 && napi_get_typedarray_info(env, arrays[0], &type, &length, &data, NULL, NULL) == napi_ok &&
      type == napi_biguint64_array) {
    found.pairs = data;
    found.count = length / 2;
  }
  if (counts && given > 1 && napi_get_typedarray_info(env, arrays[1], &type, &length, &data, NULL, NULL) == napi_ok &&
      type == napi_uint8_array) {
    counts->each = data;
    counts->length = length;
  }
  return found;
}

static struct ranges argument(napi_env env, napi_callback_info info) { return arguments(env, info, NULL); }

static napi_value number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

static napi_value truth(napi_env env, int value) {
  napi_value result = NULL;
  napi_get_boolean(env, value, &result);
  return result;
}

/*
 * All ranges in calls of process_madvise on this process itself, which Linux 6.13 and later allow: then the other
 * threads' processors are told once a call, not once a range. Gives how many ranges were done.
 */
static size_t give_back_together(struct ranges ranges) {
  static int self = -2;
  enum { AT_ONCE = 512 };
  struct iovec parts[AT_ONCE];
  size_t done = 0;
  if (self == -2) self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  while (self >= 0 && done < ranges.count) {
    size_t wanted = ranges.count - done < AT_ONCE ? ranges.count - done : AT_ONCE;
    ssize_t bytes = 0;
    for (size_t i = 0; i < wanted; i++) {
      parts[i] = (struct iovec){(void *)ranges.pairs[2 * (done + i)], ranges.pairs[2 * (done + i) + 1]};
      bytes += (ssize_t)parts[i].iov_len;
    }
    if (syscall(SYS_process_madvise, self, parts, wanted, MADV_DONTNEED, 0) != bytes) break;
    done += wanted;
  }
  return done;
}

static napi_value give_back(napi_env env, napi_callback_info info) {
  struct ranges ranges = argument(env, info);
  int refused = 0;
  for (size_t i = give_back_together(ranges); i < ranges.count; i++)
    refused += madvise((void *)ranges.pairs[2 * i], ranges.pairs[2 * i + 1], MADV_DONTNEED) != 0;
  return number(env, refused);
}

/*
 * The kernel brings in the 15 pages around one that is touched, except where the mapping is watched by userfaultfd for
 * writes (Linux 6.7 and later, on mappings of files). Nothing is ever written to these, so nothing is ever reported.
 * It holds for as long as the descriptor is open: it is never closed.
 */
static napi_value without_fault_around(napi_env env, napi_callback_info info) {
  static int descriptor = -1;
  struct ranges ranges = argument(env, info);
  if (descriptor < 0) {
    descriptor = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (descriptor < 0) return number(env, -errno);
    struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC};
    if (ioctl(descriptor, UFFDIO_API, &api) != 0) {
      int error = errno;
      close(descriptor);
      descriptor = -1;
      return number(env, -error);
    }
  }
  int watched = 0;
  for (size_t i = 0; i < ranges.count; i++) {
    struct uffdio_register wanted = {.range = {ranges.pairs[2 * i], ranges.pairs[2 * i + 1]},
                                     .mode = UFFDIO_REGISTER_MODE_WP};
    watched += ioctl(descriptor, UFFDIO_REGISTER, &wanted) == 0;
  }
  return number(env, watched);
}

/* Not every C library has it. */
static napi_value trim(napi_env env, napi_callback_info info) {
  int (*malloc_trim)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");
  if (malloc_trim) malloc_trim(0);
  return truth(env, malloc_trim != NULL);
}

/* absl::SetMutexDeadlockDetectionMode(OnDeadlockCycle::kIgnore): exported by Node 24 and later, promised by nobody. */
static napi_value quiet_mutexes(napi_env env, napi_callback_info info) {
  void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "_ZN4absl29SetMutexDeadlockDetectionModeENS_15OnDeadlockCycleE");
  if (set) set(0);
  return truth(env, set != NULL);
}

/*
 * Where abseil keeps the locks that it looks for deadlocks among: a GraphCycles::Rep (graphcycles.cc), in a block of its
 * LowLevelAlloc (low_level_alloc.cc), whose header knows its own address. It is memory of its own, a multiple of
 * 64 KiB, which the kernel may have joined with its neighbours. Only as far as it is looked at.
 */
enum { TABLE_ENTRIES = 262139, UNUSED = -1 };
static const uintptr_t ALLOCATED = 0x4c833e95;

struct lock_graph {
  struct {
    uintptr_t size, magic;
    void *arena, *unused;
  } header;
  struct {
    void *at, *inlined[8];
    uint32_t size, capacity;
  } nodes;
  struct {
    int32_t *at, inlined[8];
    uint32_t size, capacity;
  } free_nodes;
  void *table_nodes;
  int32_t table[];
};

enum { TABLE_AT = sizeof(struct lock_graph), TABLE_END = TABLE_AT + TABLE_ENTRIES * 4 };

/* Whether all that is before the table is as it must be; `graph` is a copy of what is at `at`. */
static int is_lock_graph(const struct lock_graph *graph, uintptr_t at, size_t room) {
  return graph->header.magic == (ALLOCATED ^ at) && graph->header.size >= TABLE_END && graph->header.size <= room &&
         graph->table_nodes == (void *)(at + offsetof(struct lock_graph, nodes)) && graph->nodes.size > 0 &&
         graph->nodes.size <= graph->nodes.capacity;
}

/*
 * The one that begins with some page of the range. What is in the range is somebody's, and he may give it up while it is
 * looked at: it is read through the kernel, which then says so.
 */
static unsigned char *find_lock_graph(uintptr_t start, size_t length, size_t page) {
  unsigned char *found = NULL;
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  for (size_t at = 0; memory >= 0 && !found && at + TABLE_END <= length; at += page) {
    struct lock_graph head;
    if (pread(memory, &head, TABLE_AT, (off_t)(start + at)) == TABLE_AT && is_lock_graph(&head, start + at, length - at))
      found = (unsigned char *)(start + at);
  }
  if (memory >= 0) close(memory);
  return found;
}

/* Each entry is unused, or names one of the nodes. */
static int is_table(const int32_t *table, uint32_t nodes) {
  for (size_t i = 0; i < TABLE_ENTRIES; i++)
    if (table[i] != UNUSED && (table[i] < 0 || (uint32_t)table[i] >= nodes)) return 0;
  return 1;
}

static int is_unused(const int32_t *entries, size_t size) {
  return entries[0] == UNUSED && memcmp(entries, entries + 1, size - sizeof *entries) == 0;
}

/*
 * Gives back the pages of abseil's table of locks that no lock has ever been in, where the range holds it. They read as
 * 0 afterwards, not as -1: nobody looks into it any more, since quietMutexes() was called, and whoever was at it when
 * that was done has left it by now (own-process.ts). It is never freed.
 */
static napi_value give_back_filled(napi_env env, napi_callback_info info) {
  struct ranges ranges = argument(env, info);
  size_t page = (size_t)sysconf(_SC_PAGESIZE), given = 0;
  if (ranges.count != 1 || sizeof(void *) != 8) return number(env, 0);
  unsigned char *start = find_lock_graph(ranges.pairs[0], ranges.pairs[1], page);
  struct lock_graph *graph = (struct lock_graph *)start;
  if (!graph || !is_table(graph->table, graph->nodes.size)) return number(env, 0);
  for (size_t at = (TABLE_AT + page - 1) / page * page; at + page <= TABLE_END; at += page)
    if (is_unused((int32_t *)(start + at), page) && madvise(start + at, page, MADV_DONTNEED) == 0) given += page;
  return number(env, (double)given);
}

/* Adds 1 for each page of the range that is mapped. An entry's highest bit says so (proc(5)). */
static napi_value count_present(napi_env env, napi_callback_info info) {
  struct counts counts = {NULL, 0};
  struct ranges ranges = arguments(env, info, &counts);
  size_t page = (size_t)sysconf(_SC_PAGESIZE), done = 0;
  if (ranges.count != 1 || ranges.pairs[1] / page != counts.length) return truth(env, 0);
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) return truth(env, 0);
  while (done < counts.length) {
    uint64_t entries[512];
    size_t wanted = counts.length - done < 512 ? counts.length - done : 512;
    ssize_t bytes = pread(pagemap, entries, wanted * sizeof *entries, (ranges.pairs[0] / page + done) * sizeof *entries);
    if (bytes <= 0) break;
    for (size_t i = 0; i < bytes / sizeof *entries; i++) counts.each[done++] += entries[i] >> 63;
  }
  close(pagemap);
  return truth(env, done == counts.length);
}

/*
 * One full collection that leaves no room to grow and lets go of V8's pooled pages, by what v8.h declares and Node
 * exports: Isolate::GetCurrent() and MemoryPressureNotification(kCritical), then kNone again. gc() of V8 has the like
 * only as two collections or more in a row, and not on Node 20.
 */
static napi_value collect(napi_env env, napi_callback_info info) {
  enum { NONE = 0, CRITICAL = 2 };
  void *(*current)(void) = (void *(*)(void))dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv");
  void (*notify)(void *, int) = (void (*)(void *, int))dlsym(
      RTLD_DEFAULT, "_ZN2v87Isolate26MemoryPressureNotificationENS_19MemoryPressureLevelE");
  void *isolate = current && notify ? current() : NULL;
  if (isolate) {
    notify(isolate, CRITICAL);
    notify(isolate, NONE);
  }
  return truth(env, isolate != NULL);
}

/*
 * One datagram to a Unix socket, as sd_notify(3) sends it: an address that begins with @ is an abstract one. It never
 * waits: a receiver whose queue is full is -EAGAIN. The socket is opened for each message, since a receiver that is
 * started anew has another one under the same name.
 */
static napi_value notify(napi_env env, napi_callback_info info) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  char text[4096];
  size_t given = 2, address_length = 0, length = 0;
  napi_value arguments[2];
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok || given < 2 ||
      napi_get_value_string_utf8(env, arguments[0], NULL, 0, &address_length) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], NULL, 0, &length) != napi_ok)
    return number(env, -EINVAL);
  if (address_length >= sizeof to.sun_path) return number(env, -ENAMETOOLONG);
  if (length >= sizeof text) return number(env, -EMSGSIZE);
  napi_get_value_string_utf8(env, arguments[0], to.sun_path, sizeof to.sun_path, NULL);
  napi_get_value_string_utf8(env, arguments[1], text, sizeof text, NULL);
  if (to.sun_path[0] != '/' && to.sun_path[0] != '@') return number(env, -EAFNOSUPPORT);
  /* an abstract name has no end but its length, a path ends with a 0 */
  size_t size = offsetof(struct sockaddr_un, sun_path) + address_length + (to.sun_path[0] == '/');
  if (to.sun_path[0] == '@') to.sun_path[0] = 0;
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return number(env, -errno);
  ssize_t sent = sendto(descriptor, text, length, MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)size);
  int error = sent < 0 ? errno : 0;
  close(descriptor);
  return number(env, -error);
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"giveBack", give_back},
                   {"withoutFaultAround", without_fault_around},
                   {"trim", trim},
                   {"quietMutexes", quiet_mutexes},
                   {"giveBackFilled", give_back_filled},
                   {"countPresent", count_present},
                   {"collect", collect},
                   {"notify", notify}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
