/* A small stack in C: its own mbufs, its own locks, a timer thread that sends under them, and interfaces that depart
 * meanwhile. Exits with 0 if every mbuf has come to one end, and says what is wrong otherwise. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "siding_netisr.h"

#define INTERFACES 4
#define ROUNDS 50
#define PACKETS 1000

struct mbuf {
	uint8_t bytes[64];
	size_t len;
};

/* An interface: gone when it is freed, which a handler that still had it would show. */
struct ifnet {
	uint64_t id;
	atomic_ulong sent;
};

/* A neighbour, with a lock of its own, that the timer holds while it dispatches. */
struct neighbor {
	pthread_mutex_t lock;
	unsigned tries;
};

static struct SidingNetisr *netisr;
static struct SidingType *output;
static struct neighbor neighbor = {.lock = PTHREAD_MUTEX_INITIALIZER};
/* Which interfaces there are: changed under a lock, too. */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ifnet *table[INTERFACES];
static atomic_bool stop;
static atomic_ulong made, handled, dropped, refused;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, siding_last_error());
	exit(1);
}

#define CHECK(call) \
	do { \
		if ((call) != SIDING_OK) \
			fail(#call); \
	} while (0)

static void lock_at(pthread_mutex_t *lock, const char *here)
{
	pthread_mutex_lock(lock);
	CHECK(siding_lock_taken(lock, here));
}

static void unlock(pthread_mutex_t *lock)
{
	CHECK(siding_lock_released(lock));
	pthread_mutex_unlock(lock);
}

#define lock(which) lock_at((which), SIDING_HERE)

/* Direct output: never under a lock. */
static int transmit(struct ifnet *ifp, struct mbuf *m)
{
	int error = siding_may_send(SIDING_HERE);

	if (error != SIDING_OK)
		return error;
	atomic_fetch_add(&ifp->sent, m->len != 0);
	return SIDING_OK;
}

/* On a worker, with no lock held. */
static void handle(void *arg, void *state, const struct SidingPacket *packet)
{
	struct mbuf *m = packet->data;

	(void)arg;
	++*(unsigned long *)state;
	CHECK(transmit((struct ifnet *)(uintptr_t)packet->meta[0], m));
	free(m);
	atomic_fetch_add(&handled, 1);
}

static void drop(void *arg, const struct SidingPacket *packet, enum SidingFate fate)
{
	(void)arg;
	(void)fate;
	free(packet->data);
	atomic_fetch_add(&dropped, 1);
}

static void *work(void *arg)
{
	unsigned long count = 0;
	struct SidingWorker *worker;
	struct SidingPolled polled;

	CHECK(siding_worker_claim(netisr, (size_t)(uintptr_t)arg, &count, NULL, &worker));
	while (!atomic_load(&stop))
		CHECK(siding_worker_poll(worker, 64, &polled, SIDING_HERE));
	do
		CHECK(siding_worker_poll(worker, 64, &polled, SIDING_HERE));
	while (polled.more);
	CHECK(siding_worker_release(worker));
	return NULL;
}

static struct SidingPacket solicitation(struct ifnet *ifp)
{
	struct mbuf *m = malloc(sizeof *m);
	struct SidingPacket packet = {.data = m, .interfaces = {ifp->id}, .key = ifp->id, .meta = {(uintptr_t)ifp}};

	memset(m->bytes, 0xff, sizeof m->bytes);
	m->len = sizeof m->bytes;
	atomic_fetch_add(&made, 1);
	return packet;
}

static void give_up(struct SidingPacket *packet)
{
	free(packet->data);
	atomic_fetch_add(&refused, 1);
}

/* The timer: sends under the table's lock and the neighbour's, singly, in batches and with a permit. */
static void *tick(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		struct SidingPermit *permit = NULL;
		struct SidingPacket batch[3];
		struct ifnet *ifp;
		size_t count = 3, at;
		int reserved = siding_reserve(output, NULL, &permit);

		lock(&table_lock);
		ifp = table[rand() % INTERFACES];
		lock(&neighbor.lock);
		if (ifp != NULL) {
			batch[0] = solicitation(ifp);
			if (siding_dispatch(output, &batch[0]) == SIDING_OK)
				neighbor.tries++;
			else
				give_up(&batch[0]);
			for (at = 0; at < 3; at++)
				batch[at] = solicitation(ifp);
			/* What is refused is in front afterwards. */
			CHECK(siding_dispatch_batch(output, batch, &count));
			for (at = 0; at < count; at++)
				give_up(&batch[at]);
			if (reserved == SIDING_OK) {
				batch[0] = solicitation(ifp);
				if (siding_permit_dispatch(permit, &batch[0]) != SIDING_OK)
					give_up(&batch[0]);
				permit = NULL;
			}
		}
		unlock(&neighbor.lock);
		unlock(&table_lock);
		siding_permit_free(permit);
	}
	return NULL;
}

/* Interfaces come and go. Marked first, torn down when the departure is complete. */
static void replace(size_t place)
{
	struct SidingDeparture *departure;
	struct ifnet *gone, *comes = calloc(1, sizeof *comes);
	const char *told;

	lock(&table_lock);
	gone = table[place];
	table[place] = NULL;
	if (gone != NULL) {
		CHECK(siding_detach(netisr, gone->id, &departure));
		/* Under a lock nobody may wait: both places are named. */
		if (siding_departure_wait(departure, 1000, SIDING_HERE) != SIDING_E_LOCKED)
			fail("a wait under a lock");
		told = strstr(siding_last_error(), "stack.c:");
		if (told == NULL || strstr(told + 1, "stack.c:") == NULL)
			fail("one place only");
	}
	unlock(&table_lock);
	if (gone != NULL) {
		CHECK(siding_departure_wait(departure, 60000, SIDING_HERE));
		CHECK(siding_departure_free(departure));
		free(gone);
	}
	CHECK(siding_attach(netisr, &comes->id));
	lock(&table_lock);
	table[place] = comes;
	unlock(&table_lock);
}

int main(void)
{
	struct SidingConfig config = {.workers = 2, .interfaces = 2 * INTERFACES};
	struct SidingTypeSpec spec = {.name = "output", .limit = 64, .by_flow = true, .handler = handle, .drop = drop};
	struct SidingUnregistering *leaving;
	struct SidingCounters counters;
	struct SidingPacket left;
	struct ifnet last = {0};
	pthread_t threads[3];
	size_t at;

	CHECK(siding_netisr_new(&config, &netisr));
	CHECK(siding_register(netisr, &spec, &output));
	if (siding_register(netisr, NULL, &output) != SIDING_E_ARGUMENT)
		fail("NULL is no type");
	for (at = 0; at < INTERFACES; at++)
		replace(at);
	for (at = 0; at < 2; at++)
		pthread_create(&threads[at], NULL, work, (void *)(uintptr_t)at);
	pthread_create(&threads[2], NULL, tick, NULL);
	/* So often, and until the timer and the workers have had their turns. */
	for (at = 0; at < ROUNDS || atomic_load(&handled) < PACKETS; at++)
		replace(at % INTERFACES);
	atomic_store(&stop, true);
	for (at = 0; at < 3; at++)
		pthread_join(threads[at], NULL);
	CHECK(siding_check_conservation(netisr));
	CHECK(siding_type_report(netisr, "output", &counters));
	if (counters.accepted != atomic_load(&handled) + atomic_load(&dropped) + counters.resident)
		fail("packets have no fate, or two");
	CHECK(siding_unregister(netisr, output, true, &leaving));
	CHECK(siding_unregistering_wait(leaving, 60000, SIDING_HERE));
	CHECK(siding_unregistering_free(leaving));
	left = solicitation(&last);
	if (siding_dispatch(output, &left) != SIDING_E_CLOSED)
		fail("a type that is gone takes no packets");
	give_up(&left);
	siding_type_free(output);
	siding_netisr_free(netisr);
	for (at = 0; at < INTERFACES; at++)
		free(table[at]);
	if (atomic_load(&made) != atomic_load(&handled) + atomic_load(&dropped) + atomic_load(&refused))
		fail("mbufs were lost");
	printf("%lu made, %lu handled, %lu dropped, %lu refused\n", made, handled, dropped, refused);
	return 0;
}
