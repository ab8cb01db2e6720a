/* G4 to G8 from C, under load: two producers under a lock of the program's, two workers, interfaces that come and go, and a
 * type that is unregistered and registered again meanwhile. Each packet is known by name, and has one end. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "check.h"

#define INTERFACES 8
#define LIMIT 32
#define PRODUCERS 2
#define WORKERS 2
#define MOST 400000

struct ifnet {
	uint64_t id;
	atomic_bool gone;
};

/* The type of the moment: another one after each unregistering. */
struct kind {
	struct SidingType *type;
	char name[32];
	atomic_bool gone;
	/* The last packet of each producer that was handled. */
	uint64_t last[PRODUCERS];
};

struct mbuf {
	atomic_int ends;
	struct ifnet *out;
	struct kind *kind;
};

static struct SidingNetisr *netisr;
/* Who looks at the two tables holds this, beside others, and dispatches under it. */
static pthread_rwlock_t tables = PTHREAD_RWLOCK_INITIALIZER;
static struct ifnet *interfaces[INTERFACES];
static struct kind *kind;
static struct mbuf *mbufs;
static size_t count;
static atomic_size_t next;
static atomic_bool stop;
static atomic_ulong handled, dropped, refused;
/* What departs is never freed here: who still had it would be seen by its mark. */
static void *kept[MOST];
static size_t keeps;

static void *keep(void *what)
{
	THAT(keeps < MOST && what != NULL);
	return kept[keeps++] = what;
}

static void handle(void *arg, void *state, const struct SidingPacket *packet)
{
	struct kind *its = arg;
	struct mbuf *m = packet->data;
	uint64_t producer = packet->meta[0];

	(void)state;
	THAT(m->kind == its);
	THAT(!atomic_load(&m->out->gone));
	THAT(!atomic_load(&its->gone));
	/* A producer's packets are one flow. */
	THAT(packet->meta[1] > its->last[producer]);
	its->last[producer] = packet->meta[1];
	THAT(atomic_fetch_add(&m->ends, 1) == 0);
	atomic_fetch_add(&handled, 1);
}

static void drop(void *arg, const struct SidingPacket *packet, enum SidingFate fate)
{
	struct mbuf *m = packet->data;

	(void)arg;
	THAT(fate == SIDING_FATE_DEPARTED || fate == SIDING_FATE_FLUSHED);
	THAT(atomic_fetch_add(&m->ends, 1) == 0);
	atomic_fetch_add(&dropped, 1);
}

static void is_refused(const struct SidingPacket *packet)
{
	struct mbuf *m = packet->data;

	THAT(atomic_fetch_add(&m->ends, 1) == 0);
	atomic_fetch_add(&refused, 1);
}

static bool make(struct SidingPacket *packet, uint64_t producer, uint64_t number)
{
	size_t at = atomic_fetch_add(&next, 1);
	struct ifnet *out = interfaces[at % INTERFACES];

	if (at >= count)
		return false;
	mbufs[at].out = out;
	mbufs[at].kind = kind;
	*packet = (struct SidingPacket){.data = &mbufs[at], .interfaces = {0, out->id}, .key = producer};
	packet->meta[0] = producer;
	packet->meta[1] = number;
	return true;
}

static void *produce(void *arg)
{
	uint64_t producer = (uintptr_t)arg, number = 0;
	struct SidingPacket packets[40];
	struct SidingPermit *permit;
	size_t at, made;

	for (;;) {
		pthread_rwlock_rdlock(&tables);
		CHECK(siding_lock_taken(&tables, SIDING_HERE));
		switch (number % 3) {
		case 0:
			made = make(&packets[0], producer, ++number);
			if (made && siding_dispatch(kind->type, &packets[0]) != SIDING_OK)
				is_refused(&packets[0]);
			break;
		case 1:
			for (made = 0; made < 40 && make(&packets[made], producer, number + 1); made++)
				number++;
			at = made;
			CHECK(siding_dispatch_batch(kind->type, packets, &at));
			while (at > 0)
				is_refused(&packets[--at]);
			break;
		default:
			number++;
			made = make(&packets[0], producer, number);
			if (made && siding_reserve(kind->type, &producer, &permit) != SIDING_OK)
				is_refused(&packets[0]);
			else if (made && siding_permit_dispatch(permit, &packets[0]) != SIDING_OK)
				is_refused(&packets[0]);
			break;
		}
		CHECK(siding_lock_released(&tables));
		pthread_rwlock_unlock(&tables);
		if (made == 0)
			return NULL;
		sched_yield();
	}
}

static void *work(void *arg)
{
	struct SidingWorker *worker;
	struct SidingPolled polled = {.more = true};

	CHECK(siding_worker_claim(netisr, (size_t)(uintptr_t)arg, NULL, NULL, &worker));
	while (!atomic_load(&stop) || polled.more) {
		CHECK(siding_worker_poll(worker, 16, &polled, SIDING_HERE));
		if (polled.handled == 0)
			sched_yield();
	}
	CHECK(siding_worker_release(worker));
	return NULL;
}

static struct ifnet *attach(void)
{
	struct ifnet *ifp = keep(calloc(1, sizeof *ifp));

	CHECK(siding_attach(netisr, &ifp->id));
	return ifp;
}

static struct kind *new_kind(void)
{
	static unsigned number;
	struct kind *another = keep(calloc(1, sizeof *another));
	struct SidingTypeSpec spec = {.limit = LIMIT, .by_flow = true, .handler = handle, .drop = drop};

	snprintf(another->name, sizeof another->name, "output %u", number++);
	spec.name = another->name;
	spec.arg = another;
	CHECK(siding_register(netisr, &spec, &another->type));
	return another;
}

/* G5: when the wait is over, no handler runs or will run with it. */
static void replace_interface(size_t at)
{
	struct ifnet *comes = attach(), *goes;
	struct SidingDeparture *departure;

	CHECK(siding_detach(netisr, interfaces[at]->id, &departure));
	sched_yield();
	pthread_rwlock_wrlock(&tables);
	goes = interfaces[at];
	interfaces[at] = comes;
	pthread_rwlock_unlock(&tables);
	CHECK(siding_departure_wait(departure, 600000, SIDING_HERE));
	atomic_store(&goes->gone, true);
	CHECK(siding_departure_free(departure));
}

/* G6: the same of a type. Who dispatched to it in time has a packet with one end; who comes too late is refused. */
static void replace_type(bool flush)
{
	struct SidingUnregistering *leaving;
	struct kind *goes = kind, *comes = new_kind();

	CHECK(siding_unregister(netisr, goes->type, flush, &leaving));
	sched_yield();
	pthread_rwlock_wrlock(&tables);
	kind = comes;
	pthread_rwlock_unlock(&tables);
	CHECK(siding_unregistering_wait(leaving, 600000, SIDING_HERE));
	atomic_store(&goes->gone, true);
	CHECK(siding_unregistering_free(leaving));
	siding_type_free(goes->type);
}

/* G8: at no moment do more wait than may. */
static void look(void)
{
	struct SidingCounters counters;

	CHECK(siding_type_report(netisr, kind->name, &counters));
	THAT(counters.resident <= WORKERS * LIMIT);
}

int main(int arguments, char **argument)
{
	struct SidingConfig config = {.workers = WORKERS, .interfaces = 2 * INTERFACES};
	pthread_t producers[PRODUCERS], workers[WORKERS];
	size_t at, rounds = 0;

	count = arguments > 1 ? strtoul(argument[1], NULL, 10) : 20000;
	mbufs = calloc(count, sizeof *mbufs);
	CHECK(siding_netisr_new(&config, &netisr));
	for (at = 0; at < INTERFACES; at++)
		interfaces[at] = attach();
	kind = new_kind();
	for (at = 0; at < WORKERS; at++)
		pthread_create(&workers[at], NULL, work, (void *)(uintptr_t)at);
	for (at = 0; at < PRODUCERS; at++)
		pthread_create(&producers[at], NULL, produce, (void *)(uintptr_t)at);
	while (atomic_load(&next) < count && keeps + 2 < MOST) {
		replace_interface(rounds % INTERFACES);
		if (rounds++ % 16 == 0)
			replace_type(rounds % 32 == 1);
		look();
	}
	for (at = 0; at < PRODUCERS; at++)
		pthread_join(producers[at], NULL);
	replace_type(false);
	atomic_store(&stop, true);
	for (at = 0; at < WORKERS; at++)
		pthread_join(workers[at], NULL);
	CHECK(siding_check_conservation(netisr));
	for (at = 0; at < count; at++)
		THAT(atomic_load(&mbufs[at].ends) == 1);
	THAT(handled + dropped + refused == count && handled > 0);
	siding_type_free(kind->type);
	siding_netisr_free(netisr);
	while (keeps > 0)
		free(kept[--keeps]);
	free(mbufs);
	printf("%zu packets, %lu handled, %lu dropped, %lu refused, over %zu departures\n", count, handled, dropped,
	       refused, rounds);
	return 0;
}
