"""Sends forged fragments to an address and tells what comes back to each case, a line for each.

Arguments: interface, our address, its address, its link-layer address."""
import socket
import struct
import sys
import time

interface, ours, theirs, mac = sys.argv[1:]
src = socket.inet_pton(socket.AF_INET6, ours)
dst = socket.inet_pton(socket.AF_INET6, theirs)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
wire.bind((interface, 0))
own_mac = wire.getsockname()[4]
header = bytes.fromhex(mac.replace(":", "")) + own_mac + b"\x86\xdd"


def checksum(message):
    data = src + dst + struct.pack("!II", len(message), 58) + message
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(number, data):
    message = struct.pack("!BBHHH", 128, 0, 0, 0x5D1, number) + data
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def packet(proto, payload):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + src + dst + payload


def fragment(number, offset, more, data, proto=58):
    return packet(44, struct.pack("!BBHI", proto, 0, offset | more, number) + data)


def answers(seconds):
    end, seen = time.monotonic() + seconds, []
    while (left := end - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            frame = wire.recv(65536)[14:]
        except TimeoutError:
            break
        if frame[8:24] != dst or frame[24:40] != src or frame[6] != 58:
            continue
        kind, code, _, word = struct.unpack("!BBHI", frame[40:48])
        if kind < 128:
            seen.append("error %d/%d pointer %d" % (kind, code, word))
        elif kind == 129:
            seen.append("reply %d" % (word & 0xFFFF))
    return ", ".join(seen) or "silence"


def parts(number, size=200):
    message = echo(number, bytes(size - 8))
    return [fragment(number, at, int(at + 80 < size), message[at : at + 80]) for at in range(0, size, 80)]


def case(name, number, frames, seconds=0.4):
    for frame in frames:
        wire.send(header + frame)
    print("%s: %s" % (name, answers(seconds)), flush=True)


a, b, c = parts(1)
case("in order", 1, [a, b, c])
a, b, c = parts(2)
case("backwards", 2, [c, b, a])
a, b, c = parts(3)
case("duplicates", 3, [a, a, b, b, c])
a, b, c = parts(4)
case("overlap", 4, [a, fragment(4, 72, 1, bytes(16)), b, c])
a, b, c = parts(5)
case("overlap within", 5, [a, b, fragment(5, 88, 1, bytes(8)), c])
a, b, c = parts(6)
case("two ends", 6, [a, c, fragment(6, 200, 0, bytes(8)), b])
case("no multiple of 8", 7, [fragment(7, 0, 1, echo(7, bytes(9)))])
case("beyond 65535", 8, [fragment(8, 65528, 0, bytes(16))])
case("no upper layer", 9, [fragment(9, 0, 1, bytes([17, 0, 1, 4, 0, 0, 0, 0]), 60)])
case("half an upper layer", 10, [fragment(10, 0, 1, bytes(8), 6)])
case("atomic", 11, [fragment(11, 0, 0, echo(11, b"x"))])
a, b, c = parts(12)
case("atomic in between", 12, [a, fragment(12, 0, 0, echo(112, b"x")), b, c])
a, b, c = parts(13)
case("lone fragments", 13, [b, c])
