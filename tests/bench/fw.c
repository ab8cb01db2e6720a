// What a firewall is measured with: UDP of many flows from host A to host B, over IPv6 (FAMILY 6) or IPv4 (4), frames of 64 bytes.
// fw first NS_A DEVICE_A NS_B DEVICE_B FAMILY N WINDOW SECONDS ANSWER: one packet of each of N flows; at most WINDOW are under way (0: no limit). ANSWER 1: B answers each.
// fw flows DEVICE CPU SECONDS RATE FAMILY N: the same N flows again and again, at RATE packets a second (0: as fast as it goes).
// fw syn DEVICE CPU SECONDS RATE: SYNs over IPv6 to B's port 80, each of another flow: 65,536 addresses of A's link, any port.
#include "common.h"
#include <pthread.h>
enum { BATCH = 64, LENGTH = 64, SPORT = 10000, DPORT = 20000, TCP = 6, UDP = 17 };
static char **arg;
static volatile uint64_t arrived, answered, last; static volatile int ready, finished;
static void enter(const char *name) {
    char path[128]; snprintf(path, sizeof path, "/run/netns/%s", name); int f = open(path, O_RDONLY);
    if (f < 0 || setns(f, CLONE_NEWNET)) die(path);
    close(f);
}
static uint16_t fold(uint32_t sum) { while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16); return sum; }
// Where the UDP header is; the checksum of flow 0 is left in *sum, not complemented, for flow() to go on from.
static int at; static uint32_t base;
static void build(uint8_t *f, int family) {
    if (family == 6) {
        uint8_t *ip = header6(f, 2, 1, UDP, 64, LENGTH - 54, "fd00:a::2", "fd00:b::2"); at = 54;
        put16(ip + 44, LENGTH - 54); base = (uint16_t)~checksum6(ip, UDP, LENGTH - 54);
    } else {
        memset(f, 0, LENGTH); mac(f, 2); mac(f + 6, 1); put16(f + 12, ETH_P_IP); uint8_t *ip = f + 14; at = 34;
        ip[0] = 0x45; put16(ip + 2, LENGTH - 14); ip[8] = 64; ip[9] = UDP;
        if (inet_pton(AF_INET, "10.9.1.2", ip + 12) != 1 || inet_pton(AF_INET, "10.9.2.2", ip + 16) != 1) die("address");
        uint32_t sum = 0; for (int i = 0; i < 20; i += 2) sum += ip[i] << 8 | ip[i + 1];
        put16(ip + 10, (uint16_t)~fold(sum)); put16(ip + 24, LENGTH - 34);
        sum = UDP + 2 * (LENGTH - 34); for (int i = 12; i < 20; i += 2) sum += ip[i] << 8 | ip[i + 1];
        base = fold(sum);
    }
}
static inline void flow(uint8_t *f, uint32_t n) {
    unsigned s = SPORT + (n >> 8), d = DPORT + (n & 255); uint8_t *udp = f + at; uint16_t sum = ~fold(base + s + d);
    put16(udp, s); put16(udp + 2, d); put16(udp + 6, sum ? sum : 0xffff);
}
static void swap(uint8_t *a, uint8_t *b, int n) { while (n--) { uint8_t x = a[n]; a[n] = b[n]; b[n] = x; } }
static void *receive(void *unused) {
    (void)unused; enter(arg[4]); int s = packet_socket(arg[5], arg[6][0] == '6' ? ETH_P_IPV6 : ETH_P_IP, 0), answer = atoi(arg[10]); struct timeval wait = {0, 100000};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait); int u = arg[6][0] == '6' ? 54 : 34, proto = u == 54 ? 20 : 23;
    static uint8_t in[BATCH][128]; static struct mmsghdr h[BATCH], oh[BATCH]; static struct iovec v[BATCH], ov[BATCH];
    for (int i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){in[i], sizeof in[i]}; h[i].msg_hdr.msg_iov = &v[i]; h[i].msg_hdr.msg_iovlen = 1; oh[i].msg_hdr.msg_iov = &ov[i]; oh[i].msg_hdr.msg_iovlen = 1;
    }
    for (ready = 1; !finished;) {
        int n = recvmmsg(s, h, BATCH, MSG_WAITFORONE, 0), m = 0;
        for (int i = 0; i < n; i++) {
            uint8_t *f = in[i]; if (f[proto] != UDP || (f[u + 2] << 8 | f[u + 3]) < DPORT || (f[u + 2] << 8 | f[u + 3]) > DPORT + 255) continue;
            arrived++; last = now(); if (!answer) continue;
            // What is swapped leaves the sums as they are; hop limit and its sum are as a host would have them, or nearly: the router looks at both.
            swap(f, f + 6, 6); swap(f + u, f + u + 2, 2);
            if (u == 54) swap(f + 22, f + 38, 16); else swap(f + 26, f + 30, 4);
            ov[m++] = (struct iovec){f, LENGTH};
        }
        for (int done = 0, k; done < m && (k = sendmmsg(s, oh + done, m - done, 0)) > 0;) done += k, answered += k;
    }
    return 0;
}
static int first(void) {
    int n = atoi(arg[7]), window = atoi(arg[8]), i; if (n > 65536 * 3 / 4 * 256) usage("too many flows");
    pthread_t t; pthread_create(&t, 0, receive, 0); while (!ready) usleep(1000);
    enter(arg[2]); int s = packet_socket(arg[3], 0, 0); uint8_t f[LENGTH]; build(f, atoi(arg[6]));
    uint64_t start = now(), end = start + atof(arg[9]) * 1e9;
    for (i = 0; i < n && now() < end; i++) {
        flow(f, i); while (send(s, f, sizeof f, 0) < 0 && errno == ENOBUFS) {}
        for (uint64_t w = now(); window && i + 1 - arrived > (uint64_t)window && now() - w < 20000000;) __builtin_ia32_pause();
    }
    uint64_t all = now(); last = last ? last : all;
    while (arrived < (uint64_t)n && now() < end && now() - last < 400000000) usleep(500);
    usleep(100000); finished = 1; pthread_join(t, 0);
    printf("sent %d in %.1f ms, arrived %lu, answered %lu, rate %.0f\n", i, (all - start) / 1e6, arrived, answered, arrived * 1e9 / (last - start)); return 0;
}
static void send_all(int s, struct mmsghdr *h, double seconds, double rate, void (*make)(uint8_t *, uint32_t), uint8_t frames[BATCH][LENGTH + 16]) {
    uint64_t start = now(), end = start + seconds * 1e9, sent = 0; uint32_t next = 0;
    while (now() < end) {
        for (int i = 0; i < BATCH / 2; i++) make(frames[i], next++);
        int k = sendmmsg(s, h, BATCH / 2, 0); if (k > 0) sent += k;
        uint64_t due = rate > 0 ? start + sent * 1e9 / rate : 0; wait_until(due < end ? due : end);
    }
    printf("sent %lu in %.6f s\n", sent, (now() - start) / 1e9);
}
static uint32_t count;
static void again(uint8_t *f, uint32_t n) { flow(f, n % count); }
static void syn(uint8_t *f, uint32_t n) {
    static uint64_t r = 88172645463325252ull; r ^= r << 13; r ^= r >> 7; r ^= r << 17; (void)n;
    uint8_t *ip = f + 14, *tcp = ip + 40; put32(ip + 20, 0x10000 + (r & 65535)); put16(tcp, 1024 + (r >> 16) % 60000); put32(tcp + 4, r >> 32);
    put16(tcp + 16, 0); put16(tcp + 16, checksum6(ip, TCP, 20));
}
static int repeat(int syns) {
    pin(atoi(arg[3])); int s = packet_socket(arg[2], 0, 0); packet_option(s, PACKET_QDISC_BYPASS, 1);
    static uint8_t frames[BATCH][LENGTH + 16]; static struct mmsghdr h[BATCH]; static struct iovec v[BATCH];
    for (int i = 0; i < BATCH; i++) {
        if (syns) { uint8_t *ip = header6(frames[i], 2, 1, TCP, 64, 20, "fd00:a::", "fd00:b::2"); put16(ip + 42, 80); ip[52] = 5 << 4; ip[53] = 2; put16(ip + 54, 65535); }
        else build(frames[i], atoi(arg[6]));
        v[i] = (struct iovec){frames[i], syns ? 74 : LENGTH}; h[i].msg_hdr.msg_iov = &v[i]; h[i].msg_hdr.msg_iovlen = 1;
    }
    count = syns ? 0 : atoi(arg[7]);
    send_all(s, h, atof(arg[4]), atof(arg[5]), syns ? syn : again, frames); return 0;
}
int main(int argc, char **argv) {
    arg = argv;
    if (argc == 11 && !strcmp(argv[1], "first")) return first();
    if (argc == 8 && !strcmp(argv[1], "flows")) return repeat(0);
    if (argc == 6 && !strcmp(argv[1], "syn")) return repeat(1);
    usage("fw first NS_A DEVICE_A NS_B DEVICE_B FAMILY N WINDOW SECONDS ANSWER | fw flows DEVICE CPU SECONDS RATE FAMILY N | fw syn DEVICE CPU SECONDS RATE"); return 2;
}
