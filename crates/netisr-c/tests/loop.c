/* What the page says of a worker's loop, as a program: the worker sleeps on an eventfd, a thread of another kind sends under its own
 * lock, an interface departs meanwhile, and the type is unregistered at the end. Every buffer of the pool must have come back. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"

#define BUFFERS 64
#define PACKETS 1000

struct buffer {
	struct buffer *next;
};

static struct buffer buffers[BUFFERS], *unused;
static unsigned in_use;
static pthread_mutex_t pool = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t entry = PTHREAD_MUTEX_INITIALIZER;
static struct SidingType *type;
static uint64_t stays, goes;
static unsigned accepted, refused, handled, dropped, slept;
static atomic_bool stop;

static struct buffer *get(void)
{
	pthread_mutex_lock(&pool);
	struct buffer *buffer = unused;
	if (buffer) {
		unused = buffer->next;
		in_use++;
	}
	pthread_mutex_unlock(&pool);
	return buffer;
}

static void put(struct buffer *buffer)
{
	pthread_mutex_lock(&pool);
	buffer->next = unused;
	unused = buffer;
	in_use--;
	pthread_mutex_unlock(&pool);
}

static void output(void *arg, void *state, const struct SidingPacket *packet)
{
	(void)arg;
	CHECK(siding_may_send(SIDING_HERE));
	++*(unsigned *)state;
	put(packet->data);
}

static void drop(void *arg, const struct SidingPacket *packet, enum SidingFate fate)
{
	(void)arg;
	THAT(fate == SIDING_FATE_DEPARTED);
	dropped++;
	put(packet->data);
}

static void wake(void *arg, size_t worker)
{
	const uint64_t one = 1;
	THAT(write(((int *)arg)[worker], &one, sizeof one) == sizeof one);
}

static void *timer(void *arg)
{
	for (unsigned number = 0; number < PACKETS; number++) {
		struct buffer *buffer = get();
		uint64_t out = number % 2 ? stays : goes;
		struct SidingPacket packet = {.data = buffer, .interfaces = {out}, .meta = {out}};
		if (!buffer) {
			refused++;
			continue;
		}
		pthread_mutex_lock(&entry);
		CHECK(siding_lock_taken(&entry, SIDING_HERE));
		if (siding_dispatch(type, &packet) == SIDING_OK) {
			accepted++;
		} else {
			put(buffer);
			refused++;
		}
		CHECK(siding_lock_released(&entry));
		pthread_mutex_unlock(&entry);
	}
	return arg;
}

struct loop {
	struct SidingWorker *worker;
	int fd;
};

static void *loop(void *arg)
{
	struct loop *own = arg;
	while (!stop) {
		struct SidingPolled polled;
		bool asleep;
		do
			CHECK(siding_worker_poll(own->worker, 64, &polled, SIDING_HERE));
		while (polled.more);
		CHECK(siding_worker_prepare_sleep(own->worker, &asleep, SIDING_HERE));
		if (asleep) {
			uint64_t count;
			THAT(read(own->fd, &count, sizeof count) == sizeof count);
			CHECK(siding_worker_awake(own->worker));
			slept++;
		}
	}
	return arg;
}

int main(void)
{
	for (unsigned number = 0; number < BUFFERS; number++) {
		buffers[number].next = unused;
		unused = &buffers[number];
	}
	int fds[1] = {eventfd(0, 0)};
	struct SidingConfig config = {.workers = 1, .interfaces = 4, .wake = wake, .wake_arg = fds};
	struct SidingTypeSpec spec = {.name = "output", .limit = 32, .handler = output, .drop = drop};
	struct SidingNetisr *netisr;
	struct SidingDeparture *departure;
	struct SidingUnregistering *leaving;
	struct loop own = {.fd = fds[0]};
	pthread_t threads[2];
	CHECK(siding_netisr_new(&config, &netisr));
	CHECK(siding_register(netisr, &spec, &type));
	CHECK(siding_attach(netisr, &stays));
	CHECK(siding_attach(netisr, &goes));
	CHECK(siding_worker_claim(netisr, 0, &handled, NULL, &own.worker));
	THAT(pthread_create(&threads[0], NULL, loop, &own) == 0);
	THAT(pthread_create(&threads[1], NULL, timer, NULL) == 0);

	CHECK(siding_detach(netisr, goes, &departure));
	CHECK(siding_departure_wait(departure, 60000, SIDING_HERE));
	CHECK(siding_departure_free(departure));
	pthread_join(threads[1], NULL);
	CHECK(siding_unregister(netisr, type, false, &leaving));
	CHECK(siding_unregistering_wait(leaving, 60000, SIDING_HERE));
	CHECK(siding_unregistering_free(leaving));
	/* The type is gone, and its handle tells what its packets came to. */
	struct SidingCounters counters;
	THAT(siding_type_report(netisr, "output", &counters) == SIDING_E_GONE);
	CHECK(siding_type_counters(type, &counters));
	THAT(counters.accepted == accepted && counters.handled == handled && counters.departed == dropped);
	THAT(counters.resident == 0 && counters.flushed == 0);
	/* So does the interface's identity, until another one has its place. */
	CHECK(siding_interface_report(netisr, goes, &counters));
	THAT(counters.departed == dropped);

	stop = true;
	wake(fds, 0);
	pthread_join(threads[0], NULL);
	CHECK(siding_worker_release(own.worker));
	siding_type_free(type);
	siding_netisr_free(netisr);
	close(fds[0]);
	printf("%u accepted, %u refused, %u handled, %u dropped; slept %u times\n", accepted, refused, handled, dropped, slept);
	THAT(accepted + refused == PACKETS);
	THAT(handled + dropped == accepted);
	THAT(in_use == 0);
	return 0;
}
