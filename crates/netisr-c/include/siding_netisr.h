/*
 * # The facility for C
 *
 * A queue for packets that must be sent later. A neighbour's timer holds the neighbour's lock and has to send; to send
 * is to go down through interfaces that have locks of their own. So it *dispatches* the packet, under whatever locks
 * it holds, which costs one slot of a ring. A worker calls the packet type's handler later, with no lock held, and never
 * with an interface that has gone.
 *
 * #include <stdio.h>
 * #include <siding_netisr.h>
 *
 * struct wire { int sent; };
 *
 * // On a worker, with no lock held: here one may send. The packet is the handler's for good.
 * static void output(void *arg, void *state, const struct SidingPacket *packet)
 * {
 *     struct wire *wire = state;
 *     (void)arg;
 *     printf("%s on interface %llx\n", (const char *)packet->data, (unsigned long long)packet->meta[0]);
 *     wire->sent++;
 * }
 *
 * // A packet that was accepted, and is not handled: to be freed, if there is something to free.
 * static void drop(void *arg, const struct SidingPacket *packet, enum SidingFate fate)
 * {
 *     (void)arg;
 *     printf("%s is dropped, fate %d\n", (const char *)packet->data, (int)fate);
 * }
 *
 * int main(void)
 * {
 *     struct SidingConfig config = {.workers = 1, .interfaces = 16};
 *     struct SidingTypeSpec spec = {.name = "output", .handler = output, .drop = drop};
 *     struct SidingNetisr *netisr;
 *     struct SidingType *type;
 *     struct SidingWorker *worker;
 *     struct SidingDeparture *departure;
 *     struct wire wire = {0};
 *     uint64_t em0;
 *
 *     if (siding_netisr_new(&config, &netisr) || siding_register(netisr, &spec, &type) ||
 *         siding_attach(netisr, &em0) || siding_worker_claim(netisr, 0, &wire, NULL, &worker)) {
 *         fprintf(stderr, "%s\n", siding_last_error());
 *         return 1;
 *     }
 *
 *     // The timer, on any thread and under any locks. 0: the packet is the facility's; else it is still ours, to be freed.
 *     struct SidingPacket packet = {.data = "solicitation", .interfaces = {em0}, .meta = {em0}};
 *     if (siding_dispatch(type, &packet))
 *         fprintf(stderr, "%s\n", siding_last_error());
 *
 *     // The worker, in a loop of its thread's.
 *     siding_worker_poll(worker, 64, NULL, SIDING_HERE);
 *
 *     // The interface goes: marked first, before anything of it is torn down.
 *     siding_detach(netisr, em0, &departure);
 *     int late = siding_dispatch(type, &packet);
 *     printf("too late: %s\n", siding_error_text(late));
 *     siding_worker_poll(worker, 64, NULL, SIDING_HERE);
 *     siding_departure_wait(departure, 1000, SIDING_HERE);
 *
 *     // All has its end; see "To end" for programs of several threads.
 *     siding_departure_free(departure);
 *     siding_worker_release(worker);
 *     siding_type_free(type);
 *     siding_netisr_free(netisr);
 *     return wire.sent == 1 && late == SIDING_E_DEPARTED ? 0 : 1;
 * }
 *
 * What it promises, whatever happens at the same time: a dispatch never runs a handler, blocks, locks or allocates, and may be called under any
 * locks; a packet has one fate, and is counted by it; when a departure is complete no handler runs or will run with the interface, and
 * none of its packets waits; packets of one type and key are handled in the order of their dispatch; limits are exact; with a
 * permit in hand only departure refuses; no wake-up is lost. (In full, as G1 to G10, in the Rust crate `siding-netisr`.) A small stack with
 * locks, a timer and interfaces that come and go is `tests/stack.c`. *A callback* is any of the program's functions that are called from here: handler, `drop`, `depart`, `wake`.
 *
 * ## To build with it
 *
 * `crates/netisr-c/install PREFIX` builds both libraries and puts them, the header and `siding-netisr.pc` under `PREFIX`; so does
 * `cargo cinstall -p siding-netisr-c --prefix=PREFIX`, for who has cargo-c. Then:
 *
 * cc program.c $(pkg-config --cflags --libs siding-netisr)
 *
 * Without installing, `cc program.c libsiding_netisr_c.a -pthread` with the header's folder does it, too. Layouts and numbers may change until there is a release: build the program and the library from one state of the source.
 *
 * ## Answers
 *
 * Functions that can fail answer an `int`: 0, or a negative number, `SIDING_E_...`, of which `siding_last_error` says more. A result is put
 * through the pointer that was given for it only when the answer is 0. All pointers are looked at before anything
 * is done: one that is NULL or not aligned is `SIDING_E_ARGUMENT`, and nothing has happened. (A permit that is dispatched with is used up even so.)
 * What is not seen: a pointer to memory that is not, or is no longer, what it should be.
 *
 * ## Which worker
 *
 * What a handler dispatches stays with its worker. What anybody else dispatches goes to a worker that the packet's first interface decides:
 * packets that name none all go to worker 0, whose limit they share. For types that are ordered by flow the `key` decides,
 * whoever dispatches. Limit and share hold at each worker by itself; a refusal is by the worker that the packet would go to,
 * and is counted each time that it is tried: in a batch, for a reservation, and when what a batch gave back is dispatched again, which may also succeed by then.
 *
 * ## Instead of the token
 *
 * In Rust, who holds a lock has no token to send with. C has no tokens: what the compiler would say is checked at run
 * time. Code that takes a lock says so, `siding_lock_taken(lock, SIDING_HERE)`, and again when it lets go, `siding_lock_released(lock)`, where `lock` is any pointer that tells it from others; both
 * only touch the thread's own state, and may be called to the thread's very end. Whatever must not be called under a lock asks: polling, waiting,
 * and `siding_may_send`, which belongs at the top of the program's own output. It answers `SIDING_E_LOCKED`, and
 * `siding_last_error` names both places, where the lock was taken and where the call stands (`SIDING_HERE`). What nobody has told is not
 * seen: the check is as good as the lock wrappers that tell it. To dispatch is right under any locks, and is never checked. A handler may
 * take locks, and so may `drop` and `depart`, which tell of them like anybody else. For the place to be that of who locks, the wrapper is a macro:
 *
 * #define lock(m) (pthread_mutex_lock(m), siding_lock_taken((m), SIDING_HERE))
 * #define unlock(m) (siding_lock_released(m), pthread_mutex_unlock(m))
 *
 * ## Who owns what
 *
 * - A packet is the program's: a `SidingPacket` is a view of it, which is copied; `data` is never looked into, and may be NULL for a packet
 *   that is all in `meta` and `key`. When a dispatch has answered 0 the facility owns what `data` points to; otherwise the caller still does. The
 *   handler is given it back for good. What is accepted and not handled goes to the type's `drop`, once, with its fate: on
 *   its worker, while that is polled; if nobody has the worker, on the thread that waits until its type has gone, or, after that wait, on
 *   another worker that had yet to be polled once more; or, with
 *   `SIDING_FATE_ABANDONED`, where the last handle that keeps it is given back: its type's, or the facility's, or a worker's,
 *   under whatever locks are held there: give those back under no lock that `drop` takes.
 * - An interface has gone only for packets that name it in `interfaces`: one that a packet has in `data` or `meta` alone, nobody knows of.
 * - Handles (`struct SidingNetisr *` and so on) are the caller's until given to the function that ends them, which
 *   takes NULL too. They may be ended in any order. Ended is only the handle: a type stays registered, a departure and an unregistering go on.
 * - A facility and a type are for any number of threads at once. A worker, a permit, a departure and an unregistering are for one thread at a
 *   time, not always the same. A worker, departure or unregistering that is in use, on another thread or by the call that a callback was
 *   called from, is neither used nor ended: the answer is `SIDING_E_TAKEN`, or `SIDING_E_LOCKED` in a callback.
 * - `arg` and `state` are the program's, and are passed on as they are; what they point to must live until the type is
 *   gone, its handle given back and every worker polled once more or let go, or the worker released, and be fit for the threads that poll. What a thread has written before it dispatches, the handler sees.
 * - `wake` and `wake_arg` must live until the facility has gone: until all its handles have been given back.
 * - Texts are valid until the thread's next call that fails (`siding_last_error`), or for ever (`siding_error_text`). The arguments of one call of
 *   `printf` are evaluated in any order: call first, print afterwards.
 *
 * ## A worker's loop
 *
 * A worker is polled by one thread, in a loop of its own. To sleep, give `siding_netisr_new` a `wake` that writes to the worker's eventfd
 * (`eventfd(0, 0)` for each worker, from `<sys/eventfd.h>`), with the descriptors as its `wake_arg`. (Without a `wake` nobody rouses a worker: it is
 * polled all the time.)
 *
 * static void wake(void *arg, size_t worker)
 * {
 *     const uint64_t one = 1;
 *     // Somebody else has closed it.
 *     if (write(((int *)arg)[worker], &one, sizeof one) < 0)
 *         abort();
 * }
 *
 * while (!stop) {
 *     do
 *         siding_worker_poll(worker, 64, &polled, SIDING_HERE);
 *     while (polled.more);
 *     siding_worker_prepare_sleep(worker, &asleep, SIDING_HERE);
 *     if (asleep) {
 *         // Or epoll, with other descriptors.
 *         if (read(fd, &count, sizeof count) < 0 && errno != EINTR)
 *             abort();
 *         siding_worker_awake(worker);
 *     }
 * }
 *
 * ## To end
 *
 * A type ends while its workers are polled: it is unregistered and waited for, from a thread that polls none.
 *
 * siding_unregister(netisr, type, false, &leaving); // true: what waits is dropped
 * siding_unregistering_wait(leaving, 1000, SIDING_HERE);
 * siding_unregistering_free(leaving);
 *
 * When that has answered 0, every packet that was accepted has been handled, to the handler's end, or dropped:
 * `siding_type_counters` tells of the type by its handle, also now that it is gone. (While it lives, `handled` counts what a handler has
 * been *given*.) Then, in this order: those who dispatch stop; types are unregistered and interfaces detached, and both waited for, while workers are
 * still polled, for these must come by, once or twice; `stop` is set and each worker woken as `wake` does it; their threads are joined, and
 * workers, types and the facility given back; last the descriptors are closed.
 *
 * All of this as a program is `tests/loop.c`. `wake` is called only for a worker that sleeps. It is roused by packets, and by departures and the like, which wait for every worker that
 * somebody has claimed: one that is claimed and not polled holds them up. One that nobody has claimed is cleared by who waits.
 *
 * ## In a callback
 *
 * A handler, `drop`, `depart` and `wake` are called in the middle of something: a poll, a wait, a dispatch. In none of them may
 * any worker be polled or sent to sleep, nor may anything be waited for: the answer is `SIDING_E_LOCKED`, at once, with
 * the name of the callback. All else may be done in all of them: to dispatch, attach, detach, register, unregister, claim. What a
 * handler dispatches stays with its worker unless it is ordered by flow; what the other callbacks dispatch goes where another thread's would. `wake` is
 * called under whatever locks are held where somebody dispatches, so it must not block or take any. A callback must return, and not leave
 * by `longjmp` or an exception.
 *
 * ## Panics
 *
 * None crosses into C: it ends in `SIDING_E_PANIC`, with its message. That is a fault of this library's own.
 *
 * Made by cbindgen from crates/netisr-c, and kept so by a test.
 */

#ifndef SIDING_NETISR_H
#define SIDING_NETISR_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
/* Where a call stands, for the functions that say so when something is wrong. */
#define SIDING_STR_(line) #line
#define SIDING_STR(line) SIDING_STR_(line)
#define SIDING_HERE (__FILE__ ":" SIDING_STR(__LINE__))


// Done.
#define SIDING_OK 0

// Refused: an interface that it names is departing or has gone.
#define SIDING_E_DEPARTED -1

// Refused: the queue is at its limit.
#define SIDING_E_FULL -2

// Refused: the interface has used up its share of the queue.
#define SIDING_E_SHARE -3

// Refused: the type is being unregistered.
#define SIDING_E_CLOSED -4

// Refused: the type was stopped, by a panic of the library's own.
#define SIDING_E_STOPPED -5

// Refused: the permit is for another flow, or another worker's.
#define SIDING_E_OTHER_FLOW -6

// A pointer is NULL or not aligned, a text is no UTF-8, a number is out of its range, a name is another's, or a lock is let
// go that was not taken: the text says which.
#define SIDING_E_ARGUMENT -20

// A lock is held, or a callback runs, where that must not be. The text names the place, and the lock's or
// the callback.
#define SIDING_E_LOCKED -21

// Somebody else has the worker or is using the handle, or there is no worker of that number.
#define SIDING_E_TAKEN -22

// It is not there: not attached, not registered, or gone.
#define SIDING_E_GONE -23

// Time is up. The text says who is in the way.
#define SIDING_E_TIMEOUT -24

// There is no room for another interface or type.
#define SIDING_E_NO_ROOM -25

// Counters do not add up.
#define SIDING_E_IMBALANCE -26

// The library has panicked: a fault of its own. The text is the panic's. A packet that was to be dispatched is not the
// caller's any more: it has gone to its type's `drop`.
#define SIDING_E_PANIC -99

// How many interfaces a view can name.
#define SIDING_INTERFACES 4

// What becomes of a packet that was accepted and is not handled.
enum SidingFate {
  // An interface that it names has departed.
  SIDING_FATE_DEPARTED = 0,
  // Its type was unregistered.
  SIDING_FATE_FLUSHED = 1,
  // It made room for a newer one.
  SIDING_FATE_DROPPED_OLDEST = 2,
  // It still waited when the facility went.
  SIDING_FATE_ABANDONED = 3,
};

// A departure under way.
struct SidingDeparture;

// A facility: its types, interfaces and workers.
struct SidingNetisr;

// Room for one packet.
struct SidingPermit;

// To be asked, while a worker lets go of what departs, which interfaces stay: [`siding_stays`].
struct SidingStays;

// A registered type of packet.
struct SidingType;

// A type that is being unregistered.
struct SidingUnregistering;

// The right to poll one worker, and its state.
struct SidingWorker;

// Rouses worker `worker`. Called in a dispatch, under whatever locks are held there: it must not block or lock. A
// write to an eventfd will do.
typedef void (*SidingWake)(void *arg, size_t worker);

// Sizes and services of a facility.
struct SidingConfig {
  // 1 to 1,024.
  size_t workers;
  // How many interfaces there can be at a time, 1 to 65,536.
  size_t interfaces;
  // NULL for workers that are polled all the time.
  SidingWake wake;
  // For `wake`.
  void *wake_arg;
};

// A view of a packet of the C side's, with the state that is captured when it is dispatched.
struct SidingPacket {
  // The packet itself: an mbuf, say. Never looked into.
  void *data;
  // The interfaces that it names, 0 for none. The first that is not 0 pays its share of the queue.
  uint64_t interfaces[SIDING_INTERFACES];
  // Which flow it is of, for types that are ordered by flow.
  uint64_t key;
  // The state that the handler is to have, by value.
  uint64_t meta[4];
};

// Handles a packet, on the worker, with no lock held. The packet is the handler's for good.
typedef void (*SidingHandler)(void *arg, void *state, const struct SidingPacket *packet);

// Takes a packet that is not handled: to be freed.
typedef void (*SidingDrop)(void *arg, const struct SidingPacket *packet, enum SidingFate fate);

// A type of packet, before it is registered.
struct SidingTypeSpec {
  // Unique among the types of a facility. Copied.
  const char *name;
  // How many packets may wait for each worker, 1 to 32,767; 0 for 256. Which worker that is, the page says.
  uint32_t limit;
  // How many of them one interface may have, at each worker; 0 for all, as if it were the limit.
  uint32_t share;
  // At the limit, drop the packet that has waited longest, not refuse the newest.
  bool drop_oldest;
  // Packets of one `key` go to one worker, and are handled in the order of their dispatch.
  bool by_flow;
  // Called for each packet.
  SidingHandler handler;
  // Called for each packet that was accepted and is not handled. NULL if nobody needs to know.
  SidingDrop drop;
  // For both.
  void *arg;
};

// Some interfaces may be departing: lets go of everything in `state` that names one that does not stay.
typedef void (*SidingDepart)(void *state, const struct SidingStays *stays);

// What one poll did.
struct SidingPolled {
  // Packets that were handled.
  size_t handled;
  // Whether packets may still be waiting: poll again before sleeping.
  bool more;
};

// What became of packets. They only grow, but for `resident`.
struct SidingCounters {
  // Were accepted (0 in an interface's counters). Modulo 2^47 for each worker.
  uint64_t accepted;
  // Were given to the handler, the one that it has in hand included.
  uint64_t handled;
  // Were dropped, for an interface that they named departed.
  uint64_t departed;
  // Were dropped, for their type was unregistered.
  uint64_t flushed;
  // Made room for newer ones.
  uint64_t dropped_oldest;
  // Wait, without the one that the handler has in hand (0 in an interface's counters).
  uint64_t resident;
  // Went back to their callers, for an interface was departing or had gone.
  uint64_t refused_departed;
  // The same, at the limit.
  uint64_t refused_full;
  // The same, at the interface's share.
  uint64_t refused_share;
  // The same, for any other reason.
  uint64_t refused_otherwise;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What the thread's last call that failed, or whose packet was refused, says of it. Refused packets have no text but that of
// their number. Valid until the thread's next call that fails. "" if none did.
const char *siding_last_error(void);

// What a number means. Valid for ever.
const char *siding_error_text(int number);

// This thread has taken `lock`, at the place `here` (`SIDING_HERE`), which is copied, but for what its last 112 bytes leave
// out. Belongs in the C side's lock wrapper. 0, unless `here` is NULL.
//
// # Safety
//
// `here` is a text that ends in a zero byte. `lock` is only compared.
int siding_lock_taken(const void *lock,
                      const char *here);

// This thread lets go of `lock`, which it said it had taken; `SIDING_E_ARGUMENT` if it did not.
int siding_lock_released(const void *lock);

// Whether this thread may send: 0 if it holds no lock. Belongs at the top of what sends directly. A handler may send.
//
// # Safety
//
// `here` is a text that ends in a zero byte.
int siding_may_send(const char *here);

// Builds a facility.
//
// # Safety
//
// Pointers are NULL or good.
int siding_netisr_new(const struct SidingConfig *config, struct SidingNetisr **netisr);

// Gives the handle back. The facility goes when those of its workers, departures and unregisterings have been given back,
// too; what waits is abandoned then, or with the last handle of its type.
//
// # Safety
//
// NULL, or a handle that is not in use and not given back yet.
void siding_netisr_free(struct SidingNetisr *netisr);

// Registers a type of packet.
//
// # Safety
//
// Pointers are NULL or good; the functions may be called with `arg` on every thread that polls.
int siding_register(const struct SidingNetisr *netisr,
                    const struct SidingTypeSpec *spec,
                    struct SidingType **kind);

// Gives the handle back. The type stays registered.
//
// # Safety
//
// NULL, or a handle that is not in use and not given back yet.
void siding_type_free(struct SidingType *kind);

// Queues a packet, to be handled later by a worker with no lock held. Under any locks; never runs a handler, blocks,
// locks or allocates. 0, and the packet is the facility's; or why it is refused, and it stays the caller's.
//
// # Safety
//
// Pointers are NULL or good.
int siding_dispatch(const struct SidingType *kind,
                    const struct SidingPacket *packet);

// Stops intake of a type, at once; what waits is handled, or with `flush` dropped. Does not wait. May be called under any
// locks and in the type's own handler. As with a departure, one that was given back early is taken up again, and may be
// flushed after all.
//
// # Safety
//
// Pointers are NULL or good.
int siding_unregister(const struct SidingNetisr *netisr,
                      const struct SidingType *kind,
                      bool flush,
                      struct SidingUnregistering **unregistering);

// Waits until the type is gone: its handler does not run, and will not run again. 0 milliseconds: only asks. Not under a
// lock, nor in a callback.
//
// # Safety
//
// Pointers are NULL or good; `here` is a text that ends in a zero byte.
int siding_unregistering_wait(struct SidingUnregistering *unregistering,
                              uint64_t milliseconds,
                              const char *here);

// Gives the handle back; not while it is in use, which is answered. The unregistering goes on.
//
// # Safety
//
// NULL, or a handle that is not given back yet.
int siding_unregistering_free(struct SidingUnregistering *unregistering);

// Queues the `*count` packets of a batch, in order, for the price of little more than one. Those that are refused are
// moved to the front of `packets`, in their order, and stay the caller's; `*count` says how many they are: 0 is all done.
// To try again is to call again; but what is refused because its interface has gone, or its type, always will be. Answers
// 0 whether packets are refused or not; why they are, `siding_dispatch` tells of each.
//
// # Safety
//
// Pointers are NULL or good, `packets` for `*count` of them; it may be NULL if that is 0.
int siding_dispatch_batch(const struct SidingType *kind,
                          struct SidingPacket *packets,
                          size_t *count);

// Sets room for one packet aside, before a lock is taken, say. `key` points to the key of the packet to come, for types that
// are ordered by flow; NULL if it is not known. A permit takes up a place at each worker until it is used, unless it is
// known which worker it will be: by the key, or because a handler reserves for its own worker.
//
// # Safety
//
// Pointers are NULL or good.
int siding_reserve(const struct SidingType *kind,
                   const uint64_t *key,
                   struct SidingPermit **permit);

// Queues a packet in the room that was reserved, also while its type is being unregistered, which waits for permits. Only
// departure refuses it; and `SIDING_E_OTHER_FLOW`, if its key is not the one that was reserved for, or a handler's permit
// is used elsewhere. The permit is used up, whatever the answer.
//
// # Safety
//
// Pointers are NULL or good; the permit is not used again.
int siding_permit_dispatch(struct SidingPermit *permit,
                           const struct SidingPacket *packet);

// Gives the room back.
//
// # Safety
//
// NULL, or a permit that was neither used nor given back yet.
void siding_permit_free(struct SidingPermit *permit);

// Whether interface `id` stays. Only in the function that was given `stays`, on its thread: afterwards none does, and the
// text of the last error says so.
//
// # Safety
//
// None: `stays` is compared before it is followed.
bool siding_stays(const struct SidingStays *stays,
                  uint64_t id);

// Claims worker `index`, from 0. `depart` may be NULL, for a state that names no interfaces.
//
// # Safety
//
// Pointers are NULL or good; `depart` and the handlers may be called with `state` by the thread that polls.
int siding_worker_claim(const struct SidingNetisr *netisr,
                        size_t index,
                        void *state,
                        SidingDepart depart,
                        struct SidingWorker **worker);

// Handles packets that wait for this worker, at most `budget`, and carries out what control has ordered. Not under a
// lock, nor in a callback. `polled` may be NULL.
//
// # Safety
//
// Pointers are NULL or good; no other thread uses the worker; `here` is a text that ends in a zero byte.
int siding_worker_poll(struct SidingWorker *worker,
                       size_t budget,
                       struct SidingPolled *polled,
                       const char *here);

// Gets ready to sleep. `asleep` says whether nothing is pending: then the thread may block until the facility's wake
// function is called for this worker, and calls `siding_worker_awake` afterwards.
//
// # Safety
//
// Pointers are NULL or good; no other thread uses the worker; `here` is a text that ends in a zero byte.
int siding_worker_prepare_sleep(struct SidingWorker *worker,
                                bool *asleep,
                                const char *here);

// Ends a sleep, woken or not.
//
// # Safety
//
// The worker is NULL or good, and no other thread uses it.
int siding_worker_awake(struct SidingWorker *worker);

// Lets go of the worker: somebody else may claim it. Not while it is polled, which is answered.
//
// # Safety
//
// NULL, or a worker that is not let go yet.
int siding_worker_release(struct SidingWorker *worker);

// Gives an interface an identity, never 0 and never used again.
//
// # Safety
//
// Pointers are NULL or good.
int siding_attach(const struct SidingNetisr *netisr, uint64_t *id);

// Marks an interface dying: from here on every dispatch that names it is refused. Call it *before* anything of the
// interface is torn down. Under any locks, and in a callback; does not wait. `SIDING_E_GONE` if it was marked before and
// somebody has its departure, or has gone; a departure whose handle was given back early is taken up again.
//
// # Safety
//
// Pointers are NULL or good.
int siding_detach(const struct SidingNetisr *netisr,
                  uint64_t id,
                  struct SidingDeparture **departure);

// Waits until the interface has gone: no handler runs or will run with it, and none of its packets waits. 0
// milliseconds: only asks. Not under a lock, nor in a callback.
//
// # Safety
//
// Pointers are NULL or good; `here` is a text that ends in a zero byte.
int siding_departure_wait(struct SidingDeparture *departure,
                          uint64_t milliseconds,
                          const char *here);

// Gives the handle back; not while it is in use, which is answered. The departure goes on.
//
// # Safety
//
// NULL, or a handle that is not given back yet.
int siding_departure_free(struct SidingDeparture *departure);

// Reads the counters of a registered type, over all workers.
//
// # Safety
//
// Pointers are NULL or good; `name` is a text that ends in a zero byte.
int siding_type_report(const struct SidingNetisr *netisr,
                       const char *name,
                       struct SidingCounters *counters);

// Reads the counters of a type by its handle, over all workers; also when it has been unregistered and is gone: what its
// packets came to in the end.
//
// # Safety
//
// Pointers are NULL or good.
int siding_type_counters(const struct SidingType *kind,
                         struct SidingCounters *counters);

// Reads the counters of an interface, over all types and workers. Of one that has gone, too, until another one has its
// place; zeros from then on, and for one that there never was.
//
// # Safety
//
// Pointers are NULL or good.
int siding_interface_report(const struct SidingNetisr *netisr,
                            uint64_t id,
                            struct SidingCounters *counters);

// Checks that every packet of every type has one fate. To be called when nothing is under way.
//
// # Safety
//
// The handle is NULL or good.
int siding_check_conservation(const struct SidingNetisr *netisr);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SIDING_NETISR_H */
