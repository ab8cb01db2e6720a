/*
 * DPDK's rte_fib and rte_fib6 as plain functions. They take their memory from the EAL, which is set up without huge pages,
 * devices or files when the first table is made.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_memory.h>

#define MOST 64

static int eal(void)
{
	static int state;
	char *args[] = {"siding", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "3072", "-l", "0",
			"--log-level", "critical", "--iova-mode", "va"};

	if (state == 0)
		state = rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0 ? -1 : 1;
	return state;
}

void *siding_fib_new(int six, unsigned int routes)
{
	static int number;
	char name[32];

	if (eal() < 0)
		return NULL;
	snprintf(name, sizeof(name), "siding%d", number++);
	if (six) {
		struct rte_fib6_conf conf = {
			.type = RTE_FIB6_TRIE, .default_nh = 0, .max_routes = routes * 2 + 1024,
			.trie = {.nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = routes * 2 + 4096},
		};
		return rte_fib6_create(name, SOCKET_ID_ANY, &conf);
	}
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8, .default_nh = 0, .max_routes = routes * 2 + 1024,
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = routes / 8 + 4096},
	};
	return rte_fib_create(name, SOCKET_ID_ANY, &conf);
}

void siding_fib_free(int six, void *fib)
{
	if (six)
		rte_fib6_free(fib);
	else
		rte_fib_free(fib);
}

int siding_fib_add(int six, void *fib, const uint8_t *ip6, uint32_t ip4, uint8_t len, uint32_t hop)
{
	return six ? rte_fib6_add(fib, ip6, len, hop) : rte_fib_add(fib, ip4, len, hop);
}

/* Looks `count` addresses up, `together` at a time; how many were found. */
unsigned int siding_fib_lookup(int six, void *fib, void *ips, unsigned int count, unsigned int together)
{
	uint64_t hops[MOST];
	unsigned int found = 0;

	for (unsigned int at = 0; at < count; at += together) {
		unsigned int now = count - at < together ? count - at : together;

		if (six)
			rte_fib6_lookup_bulk(fib, (uint8_t (*)[16])ips + at, hops, now);
		else
			rte_fib_lookup_bulk(fib, (uint32_t *)ips + at, hops, now);
		for (unsigned int i = 0; i < now; i++)
			found += hops[i] != 0;
	}
	return found;
}
