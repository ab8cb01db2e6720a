// forward MODE DEVICE_A DEVICE_B CPU: a forwarder with no stack, both ways: the bound for a user-space router over AF_PACKET. Until SIGINT or SIGTERM.
// v2mm: TPACKET_V2 ring in, sendmmsg straight from the ring out. gso: the same with 68 KiB slots and virtio-net headers both ways.
// MACs are rewritten and the hop limit is decremented; nothing else is done. It spins.
#include "common.h"
enum { BATCH = 64, VNET = 10 };
static volatile int stop;
static void on_signal(int s) { (void)s; stop = 1; }
static uint64_t forwarded, calls, failed;
struct way { const char *in; int rx, tx; uint8_t *ring; uint32_t at, to, from; };
static int edit(uint8_t *f, const struct way *w) {
    int v6 = f[12] == 0x86 && f[13] == 0xdd, hops = v6 ? 21 : 22;
    if ((!v6 && (f[12] != 8 || f[13])) || f[hops] <= 1 || f[0] & 1) return 0;
    mac(f, w->to); mac(f + 6, w->from); f[hops]--;
    if (!v6) { uint32_t sum = (f[24] << 8 | f[25]) + 0x100; put16(f + 24, sum + (sum >> 16)); }
    return 1;
}
static void send_all(int s, struct mmsghdr *h, int n) {
    for (int done = 0; done < n;) {
        int r = sendmmsg(s, h + done, n - done, 0); calls++;
        if (r > 0) { done += r; forwarded += r; }
        else if (errno == EAGAIN || errno == ENOBUFS) { failed += n - done; break; }
        else if (errno != EINTR) { failed++; done++; }
    }
}
int main(int argc, char **argv) {
    if (argc != 5) usage("forward v2mm|gso DEVICE_A DEVICE_B CPU");
    int gso = !strcmp(argv[1], "gso"), shift = gso ? VNET : 0; uint32_t slot = gso ? 69632 : 2048, slots = gso ? 512 : 4096, block = gso ? slot : 1 << 16;
    pin(atoi(argv[4])); signal(SIGINT, on_signal); signal(SIGTERM, on_signal);
    struct way way[2] = {{.in = argv[2], .to = 4, .from = 3}, {.in = argv[3], .to = 1, .from = 2}};
    static struct mmsghdr h[BATCH]; static struct iovec v[BATCH];
    for (int i = 0; i < BATCH; i++) { h[i].msg_hdr.msg_iov = &v[i]; h[i].msg_hdr.msg_iovlen = 1; }
    for (int k = 0; k < 2; k++) {
        struct way *w = &way[k]; struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(w->in)};
        w->tx = packet_socket(argv[3 - k], 0, SOCK_NONBLOCK); packet_option(w->tx, PACKET_QDISC_BYPASS, 1);
        w->rx = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0); if (w->rx < 0 || packet_option(w->rx, PACKET_VERSION, TPACKET_V2)) die("ring");
        if (gso && (packet_option(w->rx, PACKET_VNET_HDR, 1) || packet_option(w->tx, PACKET_VNET_HDR, 1))) die("vnet header");
        packet_option(w->rx, PACKET_IGNORE_OUTGOING, 1);
        struct tpacket_req q = {.tp_block_size = block, .tp_block_nr = slots / (block / slot), .tp_frame_size = slot, .tp_frame_nr = slots};
        if (setsockopt(w->rx, SOL_PACKET, PACKET_RX_RING, &q, sizeof q)) die("ring");
        w->ring = mmap(0, (size_t)slot * slots, PROT_READ | PROT_WRITE, MAP_SHARED, w->rx, 0); if (w->ring == MAP_FAILED) die("mmap");
        if (bind(w->rx, (void *)&a, sizeof a)) die("bind");
    }
    while (!stop) for (struct way *w = way; w < way + 2; w++) {
        int took = 0, n = 0;
        for (; took < BATCH; took++) {
            struct tpacket2_hdr *p = (void *)(w->ring + (size_t)((w->at + took) % slots) * slot);
            if (!(__atomic_load_n(&p->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
            uint8_t *f = (uint8_t *)p + p->tp_mac; if (p->tp_len != p->tp_snaplen || !edit(f, w)) continue;
            v[n].iov_base = f - shift; v[n++].iov_len = p->tp_snaplen + shift;
        }
        if (n) send_all(w->tx, h, n);
        for (int i = 0; i < took; i++) __atomic_store_n(&((struct tpacket2_hdr *)(w->ring + (size_t)((w->at + i) % slots) * slot))->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        w->at += took;
    }
    for (int k = 0; k < 2; k++) { struct tpacket_stats t; socklen_t l = sizeof t; getsockopt(way[k].rx, SOL_PACKET, PACKET_STATISTICS, &t, &l); printf("%s: received %u, ring full %u; ", way[k].in, t.tp_packets, t.tp_drops); }
    printf("forwarded %lu, %.1f a call, refused %lu\n", forwarded, calls ? (double)forwarded / calls : 0, failed); return 0;
}
