/* Captures: times of every resolution, all prefixes, damage; notes there and back. */
#include <stdlib.h>

#include "t/tap.h"
#include "transport/capture.c"
#include "transport/capturelink.c"
#include "transport/note.c"

#define ROOM	4096

struct file {
	size_t	 len;
	uint8_t	 byte[ROOM];
};

static void
add32(struct file *f, uint32_t v)
{
	memcpy(f->byte + f->len, &v, sizeof(v));
	f->len += sizeof(v);
}

static void
add_block(struct file *f, uint32_t type, const void *body, size_t len)
{
	add32(f, type);
	add32(f, (uint32_t)len + 12);
	memcpy(f->byte + f->len, body, len);
	f->len += len;
	add32(f, (uint32_t)len + 12);
}

static void
add_section(struct file *f)
{
	add_block(f, BLOCK_SECTION, (uint32_t[]){ ORDER_MAGIC, 1, UINT32_MAX, UINT32_MAX }, 16);
}

/* Raw IP, with a resolution and an offset in seconds. */
static void
add_interface(struct file *f, uint8_t resolution, int64_t offset_s)
{
	uint8_t body[8 + 8 + 12 + 4] = { 101 };

	memcpy(body + 8, (uint8_t[]){ IF_TSRESOL, 0, 1, 0, resolution }, 5);
	memcpy(body + 16, (uint8_t[]){ IF_TSOFFSET, 0, 8, 0 }, 4);
	memcpy(body + 20, &offset_s, 8);
	add_block(f, BLOCK_INTERFACE, body, sizeof(body));
}

static const uint8_t udp[32] = {
	0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
	0x0f, 0xa0, 0x13, 0x88, 0, 12, 0, 0, 'd', 'a', 't', 'a',
};

static void
add_packet(struct file *f, uint32_t interface, uint64_t t, const uint8_t *p, uint32_t len)
{
	uint8_t body[64] = { 0 };
	const uint32_t head[5] = { interface, (uint32_t)(t >> 32), (uint32_t)t, len, len };

	memcpy(body, head, sizeof(head));
	memcpy(body + sizeof(head), p, len);
	add_block(f, BLOCK_ENHANCED, body, sizeof(head) + ((len + 3) & ~3u));
}

/* The next datagram of it, or what else capture_next() says. */
static int
datagram(struct capture *c, const struct file *f, size_t len, size_t *pos,
    struct capture_item *item)
{
	size_t used;
	int r;

	do {
		r = capture_next(c, f->byte + *pos, len - *pos, &used, item);
		*pos += used;
	} while (r == 1 && item->kind != CAPTURE_DATAGRAM);
	return r;
}

static void
test_times(void)
{
	static const struct {
		uint8_t	 resolution;
		int64_t	 offset_s;
		uint64_t units;
		int64_t	 want_ns;
	} list[] = {
		{ 6, 0, 1700000000123456, 1700000000123456000 },
		{ 9, 0, 1700000000123456789, 1700000000123456789 },
		{ 3, 5, 1700000000123, 1700000005123000000 },
		{ 0, 0, 7, 7000000000 },
		{ 12, 0, 1700000000123456, 1700000000123 },
		{ 0x8a, -1, 2048, 1000000000 },		/* 2^-10 s */
		{ 0xa0, 0, UINT64_C(1) << 31, 500000000 },
		{ 9, -10, 5, 0 },			/* before 1970 */
		{ 0, INT64_MAX, UINT64_MAX, INT64_C(1) << 62 },
		{ 0, INT64_MIN, 0, 0 },
		{ 20, 0, 1000000, 1000000000 },		/* cannot be: microseconds */
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct file f = { 0 };
		struct capture c;
		struct capture_item item;
		size_t pos = 0;

		add_section(&f);
		add_interface(&f, list[i].resolution, list[i].offset_s);
		add_packet(&f, 0, list[i].units, udp, sizeof(udp));
		capture_init(&c);
		is(datagram(&c, &f, f.len, &pos, &item), 1, "a datagram");
		is(item.utc_ns, list[i].want_ns, "its time, resolution %u",
		    list[i].resolution);
		ok(item.len == 4 && memcmp(item.data, "data", 4) == 0 &&
		    item.from_port == 4000 && item.to_port == 5000, "and what it is");
		is(datagram(&c, &f, f.len, &pos, &item), 0, "no more");
		is(pos, f.len, "all is used");
	}
}

/* Of every prefix of a file come the datagrams that are whole, and no more. */
static void
test_prefixes(void)
{
	struct file f = { 0 };
	size_t end[3];
	bool good = true;

	add_section(&f);
	add_interface(&f, 9, 0);
	for (unsigned i = 0; i < 3; i++) {
		add_packet(&f, 0, i + 1, udp, sizeof(udp));
		end[i] = f.len;
	}
	for (size_t len = 0; len <= f.len; len++) {
		uint8_t *exact = malloc(len + 1);
		struct capture c;
		struct capture_item item;
		size_t pos = 0, used, n = 0, want = 0;
		int r;

		memcpy(exact, f.byte, len);
		capture_init(&c);
		while ((r = capture_next(&c, exact + pos, len - pos, &used, &item)) == 1) {
			n += item.kind == CAPTURE_DATAGRAM;
			pos += used;
		}
		while (want < 3 && end[want] <= len)
			want++;
		good = good && r == 0 && n == want;
		free(exact);
	}
	ok(good, "each prefix gives what is whole in it");
}

static int
result_of(const struct file *f)
{
	struct capture c;
	struct capture_item item;
	size_t pos = 0;
	int r;

	capture_init(&c);
	while ((r = datagram(&c, f, f->len, &pos, &item)) == 1)
		;
	return r;
}

static void
test_damage(void)
{
	struct file f = { 0 };

	add_section(&f);
	add_interface(&f, 9, 0);
	add_packet(&f, 1, 1, udp, sizeof(udp));
	is(result_of(&f), -EBADMSG, "an interface that is not there");

	f.len = 0;
	add_section(&f);
	add_interface(&f, 9, 0);
	add_packet(&f, 0, 1, udp, sizeof(udp));
	f.byte[f.len - 4] ^= 4;
	is(result_of(&f), -EBADMSG, "two lengths of a block");

	f.len = 0;
	for (unsigned i = 0; i < 8; i++)
		add32(&f, 0x47474747);
	is(result_of(&f), -EBADMSG, "something else");

	f.len = 0;
	add_section(&f);
	add32(&f, BLOCK_ENHANCED);
	add32(&f, 8);
	add32(&f, 8);
	is(result_of(&f), -EBADMSG, "a block that is too short to be one");
}

/* A packet of a link that is counted as something: which. */
static const char *
counted(const uint8_t *p, size_t len)
{
	struct capture c;
	struct capture_item item;

	capture_init(&c);
	if (capture_link(&c, 101, p, len, &item))
		return "datagram";
	return c.other == 1 ? "other" : c.cut == 1 ? "cut" : c.fragments == 1 ? "fragment" : "?";
}

static void
test_links(void)
{
	uint8_t p[sizeof(udp)];
	bool good = true;

	ok(strcmp(counted(udp, sizeof(udp)), "datagram") == 0, "UDP");
	for (size_t len = 0; len < sizeof(udp); len++)
		good = good && strcmp(counted(udp, len), "cut") == 0;
	ok(good, "each shorter one is cut");
	memcpy(p, udp, sizeof(p));
	p[9] = 6;
	ok(strcmp(counted(p, sizeof(p)), "other") == 0, "TCP");
	p[9] = 17;
	p[6] = 0x20;
	ok(strcmp(counted(p, sizeof(p)), "fragment") == 0, "the first of fragments");
	p[6] = 0x40;
	ok(strcmp(counted(p, sizeof(p)), "datagram") == 0, "one that must not be made some");
	p[25] = 13;
	ok(strcmp(counted(p, sizeof(p)), "other") == 0, "longer than its IP");
	p[25] = 7;
	ok(strcmp(counted(p, sizeof(p)), "other") == 0, "shorter than its header");
	p[0] = 0x44;
	ok(strcmp(counted(p, sizeof(p)), "other") == 0, "an IP header that is too short");
}

static void
test_notes(void)
{
	const struct note list[] = {
		{ .kind = NOTE_START, .time_ns = -5, .recording = UINT64_MAX, .offset_ns = 7,
		    .piece = 3, .live = true, .bare = true },
		{ .kind = NOTE_TURN, .time_ns = INT64_MAX },
		{ .kind = NOTE_GONE, .interface = 9, .time_ns = 1 },
		{ .kind = NOTE_END, .time_ns = 2 },
	};
	uint8_t p[NOTE_MOST];
	struct note n;

	for (unsigned i = 0; i < 4; i++) {
		size_t len = note_put(&list[i], p);

		is(note_parse(p, len, false, &n), 0, "a note, back");
		ok(n.kind == list[i].kind && n.interface == list[i].interface &&
		    n.time_ns == list[i].time_ns && n.recording == list[i].recording &&
		    n.offset_ns == list[i].offset_ns && n.piece == list[i].piece &&
		    n.live == list[i].live && n.bare == list[i].bare, "is the same");
		is(note_parse(p, len - 1, false, &n), -EBADMSG, "cut");
		p[7]++;
		is(note_parse(p, len, false, &n), -EBADMSG, "of another version");
	}
}

int
main(void)
{
	test_times();
	test_prefixes();
	test_damage();
	test_links();
	test_notes();
	return done_testing();
}
