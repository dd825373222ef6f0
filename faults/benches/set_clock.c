// SPDX-FileCopyrightText: 2026 ml3_ros maintainers
// SPDX-License-Identifier: Apache-2.0
/* Lets one process believe that the system's clock was set: preload it, and write the offset [s]
 * as 8 bytes into the file that ML3_FAULTS_CLOCK names. Other clocks stay as they are. Waits
 * until a time of that clock end when it shows that time, as they do when it is really set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define SLICE_NS 20000000 /* of a wait, after which the offset is looked at again */
#define YEARS_30 1000000000 /* [s]: later deadlines are of the system's clock, others of uptime */

static int (*real_gettime)(clockid_t, struct timespec *);
static volatile int64_t *offset;

static void __attribute__((constructor)) begin(void) {
  real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("ML3_FAULTS_CLOCK");
  int file = path ? open(path, O_RDONLY) : -1;
  void *map = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
  offset = map == MAP_FAILED ? 0 : map;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!real_gettime) begin();
  int failed = real_gettime(clock, now);
  if (!failed && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += *offset;
  return failed;
}

/* Returns whether the clock that was set shows `deadline`; `slice` is then in the past, else a
 * moment from now, or the deadline, in true time. */
static int is_over(const struct timespec *deadline, struct timespec *slice) {
  if (!real_gettime) begin();
  real_gettime(CLOCK_REALTIME, slice);
  int64_t left = deadline->tv_sec - (offset ? *offset : 0) - slice->tv_sec;
  int64_t ns = left * 1000000000 + deadline->tv_nsec - slice->tv_nsec;
  if (left < -1 || (left < 2 && ns <= 0)) {
    slice->tv_sec--;
    return 1;
  }
  slice->tv_nsec += left < 2 && ns < SLICE_NS ? ns : SLICE_NS;
  if (slice->tv_nsec >= 1000000000) slice->tv_sec++, slice->tv_nsec -= 1000000000;
  return 0;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *deadline) {
  static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!wait) wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (deadline->tv_sec < YEARS_30) return wait(cond, mutex, deadline);
  struct timespec slice;
  for (;;) {
    int over = is_over(deadline, &slice), result = wait(cond, mutex, &slice);
    if (over || result != ETIMEDOUT) return result;
  }
}

int sem_timedwait(sem_t *semaphore, const struct timespec *deadline) {
  static int (*wait)(sem_t *, const struct timespec *);
  if (!wait) wait = dlsym(RTLD_NEXT, "sem_timedwait");
  struct timespec slice;
  for (;;) {
    int over = is_over(deadline, &slice), result = wait(semaphore, &slice);
    if (over || !result || errno != ETIMEDOUT) return result;
  }
}
