/*
 * The format of SMPTE 2022-1, and the encoder: each packet it makes is the sum of its
 * row or column and due when it should be, every media packet is in one of each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"
#include "t/tap.h"

static void
test_format(void)
{
	/* A column of 5 x 5 from packet 0x1234: M, PT 33, 1316 bytes, and a timestamp. */
	static const uint8_t column[] = {
		0x83, 0xe0, 0x00, 0x07, 0x00, 0x01, 0x02, 0x03, 0, 0, 0, 0,
		0x12, 0x34, 0x05, 0x24, 0xa1, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd,
		0x00, 5, 5, 0, 'x', 'o', 'r',
	};
	static const struct {
		size_t at;
		uint8_t value;
		int want;
		const char *what;
	} odd[] = {
		{ 0, 0x43, -EBADMSG, "version 1" },
		{ 16, 0x21, 0, "without E" },
		{ 17, 1, -ENOTSUP, "a mask" },
		{ 24, 0x80, -ENOTSUP, "a longer header" },
		{ 24, 0x08, -ENOTSUP, "another code" },
		{ 24, 0x01, -ENOTSUP, "a second such" },
		{ 24, 0x40, -EBADMSG, "a row with gaps" },
		{ 25, 0, -EBADMSG, "no offset" },
		{ 26, 0, -EBADMSG, "no packets" },
		{ 25, 255, 0, "255 columns" },
		{ 26, 255, 0, "255 rows" },
		{ 27, 1, 0, "more bits of SNBase" },
	};
	uint8_t p[sizeof(column)];
	struct fec_packet f;
	unsigned bad = 0;

	is(fec_parse(column, sizeof(column), &f), 0, "a packet is read");
	ok(!f.row && f.base == 0x1234 && f.offset == 5 && f.count == 5 && f.seq == 7 &&
	    f.timestamp == 0x010203 && f.ssrc == 0 && f.type == 96, "with its fields");
	ok(f.sum == UINT64_C(0x03a10524aabbccdd), "and its sum");
	ok(f.data == column + 28 && f.len == 3, "and its data");
	is(fec_put(p, &f), 28, "it is written");
	ok(memcmp(p, column, 28) == 0, "as it was");
	for (size_t n = 0; n < 28; n++)
		bad += fec_parse(column, n, &f) == -EBADMSG;
	is(bad, 28, "its beginnings are none");
	is(fec_parse(column, 28, &f), 0, "it may be a sum of nothing");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		memcpy(p, column, sizeof(p));
		p[odd[i].at] = odd[i].value;
		is(fec_parse(p, sizeof(p), &f), odd[i].want, "%s", odd[i].what);
	}
	memcpy(p, column, sizeof(p));
	p[24] = 0x40;
	p[25] = 1;
	ok(fec_parse(p, sizeof(p), &f) == 0 && f.row, "a row");

	is(fec_check_matrix(1, 4, false), 0, "one column of four");
	is(fec_check_matrix(1, 4, true), -EINVAL, "without rows");
	is(fec_check_matrix(20, 5, true), 0, "20 x 5");
	is(fec_check_matrix(5, 20, true), 0, "5 x 20");
	is(fec_check_matrix(10, 11, true), -EINVAL, "110 packets");
	is(fec_check_matrix(21, 4, true), -EINVAL, "21 columns");
	is(fec_check_matrix(4, 21, false), -EINVAL, "21 rows");
	is(fec_check_matrix(20, 3, false), -EINVAL, "three rows");
}

static void
test_xor(void)
{
	uint8_t a[400], b[400], c[400];
	unsigned bad = 0;

	for (size_t n = 0; n < 200; n++)
		for (size_t from = 0; from < 40; from += 7) {
			for (size_t i = 0; i < 400; i++) {
				a[i] = (uint8_t)(i * 7);
				b[i] = (uint8_t)(i * i + n);
				c[i] = a[i];
			}
			for (size_t i = 0; i < n; i++)
				c[from + i] ^= b[i];
			fec_xor(a + from, b, n);
			bad += memcmp(a, c, sizeof(a)) != 0;
		}
	is(bad, 0, "XOR of any length from anywhere");
}

#define PACKETS	700
#define SIZE	1400

static uint8_t sent[PACKETS][SIZE];
static size_t sent_len[PACKETS];

/* Of all kinds: lengths, markers, extensions, sources, padding. */
static void
make_media(bool plain, uint16_t first)
{
	static const uint8_t head[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t body[SIZE];

	srand(1);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct rtp_packet pkt = { .type = 33, .seq = (uint16_t)(first + i),
		    .timestamp = i * 190, .ssrc = 77, .payload = body, .payload_len = 1316 };

		if (!plain) {
			pkt.payload_len = (size_t)rand() % 1317;
			pkt.marker = rand() % 9 == 0;
			pkt.csrc = pkt.ext = head;
			pkt.ncsrc = rand() % 7 == 0 ? 2 : 0;
			pkt.ext = rand() % 5 == 0 ? head : NULL;
			pkt.ext_len = pkt.ext != NULL ? 8 : 0;
			pkt.padding = rand() % 6 == 0 ? 4 : 0;
		}
		for (size_t k = 0; k < pkt.payload_len; k++)
			body[k] = (uint8_t)rand();
		sent_len[i] = (size_t)rtp_put(sent[i], SIZE, &pkt);
	}
}

/* Is f what it says it is, of the packets sent? */
static bool
is_right(const struct fec_packet *f, uint16_t first)
{
	static uint8_t xor[SIZE];
	uint64_t sum = 0;
	size_t longest = 0;

	memset(xor, 0, sizeof(xor));
	for (unsigned i = 0; i < f->count; i++) {
		unsigned n = (uint16_t)(f->base - first) + i * f->offset;
		const uint8_t *p = sent[n];

		if (n >= PACKETS)
			return false;
		sum ^= (uint64_t)(p[0] & 0x3f) << 56 | (uint64_t)p[1] << 48 |
		    (uint64_t)(sent_len[n] - 12) << 32 | (uint64_t)p[4] << 24 |
		    (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
		for (size_t k = 12; k < sent_len[n]; k++)
			xor[k - 12] ^= p[k];
		if (sent_len[n] - 12 > longest)
			longest = sent_len[n] - 12;
	}
	return sum == f->sum && f->len == longest && memcmp(f->data, xor, longest) == 0;
}

static void
test_matrix(unsigned l, unsigned d, bool rows, bool staircase, bool plain)
{
	const uint16_t first = (uint16_t)(65536 - 300);
	const struct fec_spec spec = { .l = l, .d = d, .rows = rows, .staircase = staircase,
	    .size = SIZE, .seq_row = 65535, .seq_column = 5 };
	unsigned in_row[PACKETS] = { 0 }, in_column[PACKETS] = { 0 };
	unsigned nrow = 0, ncolumn = 0, wrong = 0, early = 0, crowd = 0, uneven = 0;
	unsigned uncovered = 0;
	struct fec_enc *e;
	struct fec_packet f;
	const uint8_t *p;
	size_t len;
	bool row;

	make_media(plain, first);
	if (fec_enc_new(&e, &spec) < 0) {
		ok(false, "%u x %u cannot be made", l, d);
		return;
	}
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned n = 0, columns = 0;

		wrong += fec_enc_push(e, sent[i], sent_len[i]) != 0;
		while ((len = fec_enc_pop(e, &p, &row)) > 0) {
			unsigned last;

			n++;
			columns += !row;
			if (fec_parse(p, len, &f) < 0 || f.row != row || !is_right(&f, first) ||
			    f.count != (row ? l : d) || f.offset != (row ? 1 : l) ||
			    f.seq != (uint16_t)(row ? 65535 + nrow : 5 + ncolumn) ||
			    f.timestamp != i * 190 || f.type != 96) {
				wrong++;
				continue;
			}
			nrow += row;
			ncolumn += !row;
			last = (uint16_t)(f.base - first);
			uneven += !row && last / l % d != (staircase ? last % l % d : 0);
			last += (f.count - 1u) * f.offset;
			if (row)
				early += i != last;
			else
				early += i < last + l || i > last + l * d;
			for (unsigned k = 0; k < f.count; k++)
				(row ? in_row : in_column)[(uint16_t)(f.base - first) +
				    k * f.offset]++;
		}
		crowd += n > 2;
		uneven += columns > 1;
	}
	for (unsigned i = l * d; i < PACKETS - 3 * l * d; i++)
		uncovered += in_row[i] != rows || in_column[i] != 1;
	ok(wrong == 0 && uncovered == 0, "%u x %u%s%s%s: sums are right, all in one of each",
	    l, d, rows ? "" : ", columns only", staircase ? ", staircase" : "",
	    plain ? "" : ", all kinds of packets");
	ok(early == 0 && crowd == 0 && uneven == 0,
	    "laid out, and due in time: %u early or late, %u crowded, %u uneven",
	    early, crowd, uneven);
	ok(nrow == (rows ? PACKETS / l : 0) && ncolumn > (PACKETS / (l * d) - 2) * l,
	    "%u rows, %u columns", nrow, ncolumn);
	fec_enc_flush(e);
	while ((len = fec_enc_pop(e, &p, &row)) > 0)
		ncolumn++;
	ok(staircase || ncolumn == PACKETS / (l * d) * l, "and all whole columns at the end");
	fec_enc_free(e);
}

/* After a gap, or what cannot be protected, all begins again. */
static void
test_gap(void)
{
	const struct fec_spec spec = { .l = 4, .d = 4, .rows = true, .size = 1400 };
	struct fec_enc *e = NULL;
	unsigned wrong = 0, made = 0, over_gap = 0;
	static uint8_t big[1401] = { 0x80, 33 };
	const uint8_t *p;
	size_t len;
	bool row;

	make_media(false, 0);
	is(fec_enc_new(&e, &spec), 0, "an encoder");
	for (unsigned i = 0; i < PACKETS; i++) {
		if (i % 50 == 49)
			continue;
		fec_enc_push(e, sent[i], sent_len[i]);
		while ((len = fec_enc_pop(e, &p, &row)) > 0) {
			struct fec_packet f;

			made++;
			wrong += fec_parse(p, len, &f) < 0 || !is_right(&f, 0);
			over_gap += f.base / 50 != (f.base + (f.count - 1u) * f.offset) / 50;
		}
	}
	fec_enc_flush(e);
	while (fec_enc_pop(e, &p, &row) > 0)
		made++;
	ok(wrong == 0 && over_gap == 0, "no sum goes over a gap");
	is(made, 14 * (12 + 12), "and each stretch has those of its whole rows and columns");
	is(fec_enc_push(e, big, sizeof(big)), -EMSGSIZE, "too long");
	is(fec_enc_push(e, big, 11), -EBADMSG, "no RTP");
	for (unsigned i = 0; i < PACKETS; i++)		/* nobody pops */
		wrong += fec_enc_push(e, sent[i], sent_len[i]) != 0;
	fec_enc_flush(e);
	for (made = 0; (len = fec_enc_pop(e, &p, &row)) > 0; made++) {
		struct fec_packet f;

		wrong += fec_parse(p, len, &f) < 0 || !is_right(&f, 0);
	}
	ok(wrong == 0 && made > 4 && made <= 1 + 8, "what is not asked for is forgotten, but the last %u",
	    made);
	fec_enc_free(e);
	e = NULL;
	is(fec_enc_new(&e, &(struct fec_spec){ .l = 3, .d = 4, .rows = true, .size = 1400 }),
	    -EINVAL, "beyond the standard");
	is(fec_enc_new(&e, &(struct fec_spec){ .l = 5, .d = 5, .size = 70000 }), -EINVAL,
	    "longer than a datagram");
}

int
main(void)
{
	static const struct { unsigned l, d; } matrix[] = {
		{ 5, 5 }, { 10, 10 }, { 20, 5 }, { 5, 20 }, { 4, 4 }, { 4, 20 }, { 7, 9 },
	};

	test_format();
	test_xor();
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++)
		for (unsigned k = 0; k < 8; k++)
			test_matrix(matrix[i].l, matrix[i].d, k & 1, (k & 2) != 0,
			    (k & 4) != 0);
	test_matrix(1, 4, false, false, true);
	test_matrix(1, 20, false, true, true);
	test_gap();
	return done_testing();
}
