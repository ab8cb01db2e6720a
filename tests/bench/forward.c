// forward MODE DEVICE_A DEVICE_B CPU: a forwarder with no stack, both ways: the bound for a user-space router over AF_PACKET. Until SIGINT or SIGTERM.
// v2mm: TPACKET_V2 ring in, sendmmsg straight from the ring out. gso: the same with 68 KiB slots and virtio-net headers both ways.
// nd: as v2mm, but what goes from A to fd00:b::1:0 and on waits until its destination has answered a solicitation: the bound for a router that
//   resolves. SIGHUP: it forgets all answers. B has nothing to say but answers.
// MACs are rewritten and the hop limit is decremented; nothing else is done. It spins.
#include "common.h"
enum { BATCH = 64, VNET = 10 };
static volatile int stop, forget;
static void on_signal(int s) { if (s == SIGHUP) forget = 1; else stop = 1; }
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
// nd: one packet waits for each destination, and one solicitation asks for it.
enum { WAITING = 1 << 17, WAIT_LEN = 128, ICMP = 58, SOLICIT = 135, ADVERTISE = 136 };
static struct waiting { uint8_t frame[WAIT_LEN]; uint32_t len, known; } *waiting;
static struct waiting *waits_at(const uint8_t *addr) {
    uint32_t k = ((uint32_t)addr[12] << 24 | addr[13] << 16 | addr[14] << 8 | addr[15]) - 0x10000;
    return addr[3] == 0x0b && k < WAITING ? waiting + k : 0;
}
// What is sent to B for a frame of A: itself, or a solicitation, which `out` has room for.
static int solicit(uint8_t **f, uint32_t *len, uint8_t *out) {
    uint8_t *dst = *f + 38; struct waiting *w = waits_at(dst);
    if (!w || w->known) return 1;
    if (w->len || *len > WAIT_LEN) return 0;
    memcpy(w->frame, *f, *len); w->len = *len;
    uint8_t *ip = header6(out, 0, 3, ICMP, 255, 32, "fd00:b::1", "ff02::1:ff00:0"), *ns = ip + 40;
    memcpy(ip + 37, dst + 13, 3); memset(out, 0x33, 2); out[2] = 0xff; memcpy(out + 3, dst + 13, 3);
    ns[0] = SOLICIT; memcpy(ns + 8, dst, 16); ns[24] = ns[25] = 1; memcpy(ns + 26, out + 6, 6); put16(ns + 2, checksum6(ip, ICMP, 32));
    *f = out; *len = 86; return 1;
}
// What an advertisement of B lets go.
static struct waiting *resolved(const uint8_t *f) {
    struct waiting *w = f[20] == ICMP && f[54] == ADVERTISE ? waits_at(f + 62) : 0;
    if (!w || w->known || !w->len) return 0;
    w->known = 1; return w;
}
int main(int argc, char **argv) {
    if (argc != 5) usage("forward v2mm|gso|nd DEVICE_A DEVICE_B CPU");
    int nd = !strcmp(argv[1], "nd"); static uint8_t asks[BATCH][86];
    if (nd && (!(waiting = calloc(WAITING, sizeof *waiting)) || signal(SIGHUP, on_signal) == SIG_ERR)) die("memory");
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
        int took = 0, n = 0, back = 0;
        if (forget) { memset(waiting, 0, WAITING * sizeof *waiting); forget = 0; }
        for (; took < BATCH; took++) {
            struct tpacket2_hdr *p = (void *)(w->ring + (size_t)((w->at + took) % slots) * slot);
            if (!(__atomic_load_n(&p->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
            uint8_t *f = (uint8_t *)p + p->tp_mac; uint32_t len = p->tp_snaplen; struct waiting *freed = nd && w != way ? resolved(f) : 0;
            if (freed) { f = freed->frame; len = freed->len; }
            else if (p->tp_len != p->tp_snaplen || !edit(f, w) || (nd && w == way && !solicit(&f, &len, asks[n]))) continue;
            v[n].iov_base = f - shift; v[n++].iov_len = len + shift; back |= freed != 0;
        }
        if (n) send_all(back ? way->tx : w->tx, h, n);
        for (int i = 0; i < took; i++) __atomic_store_n(&((struct tpacket2_hdr *)(w->ring + (size_t)((w->at + i) % slots) * slot))->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        w->at += took;
    }
    for (int k = 0; k < 2; k++) { struct tpacket_stats t; socklen_t l = sizeof t; getsockopt(way[k].rx, SOL_PACKET, PACKET_STATISTICS, &t, &l); printf("%s: received %u, ring full %u; ", way[k].in, t.tp_packets, t.tp_drops); }
    printf("forwarded %lu, %.1f a call, refused %lu\n", forwarded, calls ? (double)forwarded / calls : 0, failed); return 0;
}
