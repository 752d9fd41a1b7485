/*
 * What librist may get to see: the program in the kernel, at a socket of UDP, with what
 * passes and what does not, to the byte; and that t/bpf.h runs it as the kernel does.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/bpf.h"
#include "t/tap.h"
#include "lib/leg/ristfilter.h"
#include "lib/leg/ristfilter.c"

#define ROOM		9000
#define KINDS		(RISTFILTER_KEYED + 1)
#define BYTES(s)	(const uint8_t *)(s), sizeof(s) - 1
#define PASS(kind, name, s)	{ RISTFILTER_##kind, name, BYTES(s), false, true }
#define DROP(kind, name, s)	{ RISTFILTER_##kind, name, BYTES(s), false, false }
#define LOGIN(kind, name, s)	{ RISTFILTER_##kind, name, BYTES(s), true, true }
#define TIMES5(s)	s s s s s

/* RTP up to its payload, and reports; a tunnel. */
#define RTP	"\x80\x21\0\7\0\0\0\0\x12\x34\x56\x78"
#define RTP_RI	"\x90\x21\0\7\0\0\0\0\x12\x34\x56\x78RI\0\1"
#define RR	"\x80\xc9\0\1\x12\x34\x56\x78"
#define SR	"\x80\xc8\0\6\x12\x34\x56\x78\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define SDES	"\x81\xca\0\3\x12\x34\x56\x78\1\5other\0"
#define PORTS_	"\7\xb3\7\xb0"
#define CLEAR	"\0\0\x88\xb6" PORTS_

static const char *const kind_name[KINDS] = { "rtp", "rtcp", "clear", "keyed" };

static const struct one {
	enum ristfilter_kind kind;
	const char *name;
	const uint8_t *p;
	size_t len;
	bool login, passes;
} list[] = {
	DROP(RTP, "nothing", ""),
	PASS(RTP, "with a payload of one byte", RTP "G"),
	DROP(RTP, "without a payload", RTP),
	DROP(RTP, "of version 1", "\x40\x21\0\7\0\0\0\0\0\0\0\0G"),
	DROP(RTP, "of version 3", "\xc0\x21\0\7\0\0\0\0\0\0\0\0G"),
	PASS(RTP, "marked, of type 71: 199", "\x80\xc7\0\7\0\0\0\0\0\0\0\0G"),
	DROP(RTP, "type 200, a report", SR),
	DROP(RTP, "an extension that is not there", "\x90" "!\0\7\0\0\0\0\0\0\0\0G"),
	PASS(RTP, "an extension of others",
	    "\x90" "!\0\7\0\0\0\0\0\0\0\0\xbe\xde\0\0G"),
	PASS(RTP, "null packets left out, no other", RTP_RI "\x80\1\0\0"),
	PASS(RTP, "all seven of them", RTP_RI "\x80\x7f\0\0"),
	DROP(RTP, "the size bit is none of them", RTP_RI "\x80\x80\0\0"),
	DROP(RTP, "left out, but none", RTP_RI "\x80\0\0\0"),
	PASS(RTP, "left out, but none, and a payload", RTP_RI "\x80\0\0\0G"),
	DROP(RTP, "none left out, bits in spite of it", RTP_RI "\0\1\0\0"),
	PASS(RTP, "none left out, and a payload", RTP_RI "\0\1\0\0G"),
	DROP(RTP, "the extension ends early", RTP_RI "\x80\1\0"),

	PASS(RTCP, "a receiver's report", RR),
	PASS(RTCP, "with a name", RR SDES),
	PASS(RTCP, "a sender's, with a name", SR SDES),
	DROP(RTCP, "of version 1", "\x40\xc9\0\1\0\0\0\0"),
	DROP(RTCP, "type 199, media", "\x80\xc7\0\1\0\0\0\0\0\0\0\0G"),
	PASS(RTCP, "a head alone", "\x80\xc9\0\0"),
	DROP(RTCP, "less than a head", "\x80\xc9\0"),
	DROP(RTCP, "goes beyond by a word", "\x80\xc9\0\2\0\0\0\0"),
	DROP(RTCP, "and by 65536 bytes", "\x80\xc9\x3f\xff\0\0\0\0"),
	DROP(RTCP, "by twice that", "\x80\xc9\x7f\xff\0\0\0\0"),
	DROP(RTCP, "by all there is", "\x80\xc9\xff\xff\0\0\0\0"),
	DROP(RTCP, "the second by 65536", RR "\x80\xcd\x3f\xff\0\0\0\0"),
	DROP(RTCP, "three bytes are left", RR "\x80\xc9\0"),
	PASS(RTCP, "twelve reports", TIMES5(RR) TIMES5(RR) RR RR),
	DROP(RTCP, "thirteen", TIMES5(RR) TIMES5(RR) RR RR RR),
	DROP(RTCP, "a name without itself", "\x81\xca\0\1\0\0\0\0"),
	PASS(RTCP, "a name of none", "\x81\xca\0\2\0\0\0\0\1\0\0\0"),
	PASS(RTCP, "a name of 127", "\x81\xca\0\2\0\0\0\0\1\x7f\0\0"),
	DROP(RTCP, "a name of 128", "\x81\xca\0\2\0\0\0\0\1\x80\0\0"),
	DROP(RTCP, "of 128, the third", RR SDES "\x81\xca\0\2\0\0\0\0\1\x80\0\0"),
	DROP(RTCP, "requests without any", RR "\x81\xcd\0\1\0\0\0\0"),
	PASS(RTCP, "requests for none", RR "\x81\xcd\0\2\0\0\0\0\0\0\0\0"),
	DROP(RTCP, "ranges without a name", RR "\x80\xcc\0\1\0\0\0\0"),
	PASS(RTCP, "ranges, none", RR "\x80\xcc\0\2\0\0\0\0RIST"),
	PASS(RTCP, "one block that fills it",
	    "\x80\xcf\0\4\0\0\0\0\4\0\0\2\0\0\0\0\0\0\0\0"),
	DROP(RTCP, "a block that is longer",
	    "\x80\xcf\0\4\0\0\0\0\4\0\0\3\0\0\0\0\0\0\0\0"),
	DROP(RTCP, "a block that is shorter",
	    "\x80\xcf\0\4\0\0\0\0\4\0\0\1\0\0\0\0\0\0\0\0"),
	DROP(RTCP, "a block of 65536 words",
	    "\x80\xcf\0\4\0\0\0\0\4\0\xff\xff\0\0\0\0\0\0\0\0"),
	DROP(RTCP, "no block", "\x80\xcf\0\1\0\0\0\0"),
	PASS(RTCP, "an empty block, and a name", "\x80\xcf\0\2\0\0\0\0\4\0\0\0" SDES),

	PASS(CLEAR, "media", CLEAR RTP "G"),
	DROP(CLEAR, "media without a payload", CLEAR RTP),
	PASS(CLEAR, "reports", CLEAR RR SDES),
	DROP(CLEAR, "reports that go beyond", CLEAR "\x80\xc9\0\2\0\0\0\0"),
	PASS(CLEAR, "a sequence number, and media",
	    "\x10\0\x88\xb6\0\0\0\1" PORTS_ RTP "G"),
	DROP(CLEAR, "and a report without end",
	    "\x10\0\x88\xb6\0\0\0\1" PORTS_ "\x80\xc9\x3f\xff\0\0\0\0"),
	PASS(CLEAR, "a checksum, and media", "\x80\0\x88\xb6\0\0\0\0" PORTS_ RTP "G"),
	PASS(CLEAR, "both", "\x90\0\x88\xb6\0\0\0\0\0\0\0\1" PORTS_ RTP "G"),
	DROP(CLEAR, "both, and no payload",
	    "\x90\0\x88\xb6\0\0\0\0\0\0\0\1" PORTS_ RTP),
	DROP(CLEAR, "no more than a head", "\0\0\x88\xb6"),
	PASS(CLEAR, "encrypted: it is refused there", "\x30\0\x88\xb6\0\0\0\1\0\0\0\1"),
	PASS(CLEAR, "alive", "\0\0\x88\xb5"),
	DROP(CLEAR, "of another type", "\0\0\x08\0E"),
	LOGIN(CLEAR, "a login that is asked for", "\0\0\x88\x8e\2\1\0\0"),
	DROP(CLEAR, "and that is not", "\0\0\x88\x8e\2\1\0\0"),
	DROP(CLEAR, "half a head", "\0\0\x88"),

	PASS(KEYED, "of 33 bytes",
	    "\x30\0\x88\xb6\0\0\0\1\0\0\0\1" "aaaaaaaaaaaaaaaaaaaaa"),
	DROP(KEYED, "of 32", "\x30\0\x88\xb6\0\0\0\1\0\0\0\1" "aaaaaaaaaaaaaaaaaaaa"),
	DROP(KEYED, "a nonce of 0",
	    "\x30\0\x88\xb6\0\0\0\0\0\0\0\1" "aaaaaaaaaaaaaaaaaaaaaaa"),
	DROP(KEYED, "of 0 behind a checksum",
	    "\xb0\0\x88\xb6\0\0\0\1\0\0\0\0\0\0\0\1" "aaaaaaaaaaaaaaaaaaaa"),
	PASS(KEYED, "and not, behind one of 0",
	    "\xb0\0\x88\xb6\0\0\0\0\0\0\0\1\0\0\0\0" "aaaaaaaaaaaaaaaaaaaa"),
	DROP(KEYED, "media in clear", CLEAR RTP "GGGGGGGGGGGGGGGGGGGGGGGGGGGGGG"),
	DROP(KEYED, "with a sequence number",
	    "\x10\0\x88\xb6\0\0\0\1" PORTS_ RTP "GGGGGGGGGGGGGGGGG"),
	DROP(KEYED, "with a key alone",
	    "\x20\0\x88\xb6\0\0\0\1" PORTS_ RTP "GGGGGGGGGGGGGGGGG"),
	PASS(KEYED, "alive", "\0\0\x88\xb5"),
	LOGIN(KEYED, "a login that is asked for", "\0\0\x88\x8e\2\1\0\0"),
	DROP(KEYED, "and that is not", "\0\0\x88\x8e\2\1\0\0"),
	DROP(KEYED, "of another type",
	    "\x30\0\x08\0\0\0\0\1\0\0\0\1" "aaaaaaaaaaaaaaaaaaaaaaa"),
};

#define LIST	(sizeof(list) / sizeof(*list))

/* A socket with the program, and one that sends to it. */
struct pair {
	struct ristfilter f;
	int in, out;
};

static bool
open_pair(struct pair *s, enum ristfilter_kind kind, bool login)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sock_fprog prog = { .filter = s->f.code };
	socklen_t len = sizeof(sa);

	ristfilter_init(&s->f, kind, login);
	prog.len = (unsigned short)s->f.n;
	s->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return s->in >= 0 && s->out >= 0 &&
	    bind(s->in, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    getsockname(s->in, (struct sockaddr *)&sa, &len) == 0 &&
	    connect(s->out, (struct sockaddr *)&sa, len) == 0 &&
	    setsockopt(s->in, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0;
}

static void
close_pair(struct pair *s)
{
	close(s->in);
	close(s->out);
}

/* Does it come in, all of it?  On loopback it is there, or not, once it is sent. */
static bool
comes(struct pair *s, const uint8_t *p, size_t len)
{
	uint8_t got[ROOM];
	ssize_t n;

	if (send(s->out, p, len, 0) != (ssize_t)len)
		return false;
	n = recv(s->in, got, sizeof(got), MSG_DONTWAIT);
	return n == (ssize_t)len && memcmp(got, p, len) == 0;
}

/* By t/bpf.h, of memory that ends where the datagram does. */
static bool
let(const struct ristfilter *f, const uint8_t *p, size_t len)
{
	uint8_t *whole = calloc(1, UDP_HEAD + len);
	unsigned steps;
	uint32_t r;

	if (whole == NULL)
		abort();
	if (len > 0)
		memcpy(whole + UDP_HEAD, p, len);
	r = bpf_run(f->code, f->n, whole, UDP_HEAD + len, &steps);
	free(whole);
	return r > 0;
}

static void
test_list(void)
{
	struct pair s;

	for (size_t i = 0; i < LIST; i++) {
		const struct one *o = &list[i];

		if (!ok(open_pair(&s, o->kind, o->login), "%s: a socket", kind_name[o->kind]))
			return;
		is(comes(&s, o->p, o->len), o->passes, "%s: %s: %s",
		    kind_name[o->kind], o->name, o->passes ? "passes" : "is dropped");
		is(let(&s.f, o->p, o->len), o->passes, "and so it is run here");
		ok(!o->passes || bpf_wrong(o->kind, o->login, o->p, o->len) == NULL,
		    "and librist stands what passes");
		close_pair(&s);
	}
}

/* All beginnings of these: librist stands those that pass. */
static void
test_prefixes(void)
{
	for (size_t i = 0; i < LIST; i++) {
		const struct one *o = &list[i];
		const char *wrong = NULL;
		struct pair s;
		bool same = open_pair(&s, o->kind, o->login);

		for (size_t len = 0; same && len < o->len; len++) {
			bool in = comes(&s, o->p, len);

			same = in == let(&s.f, o->p, len);
			if (in && wrong == NULL)
				wrong = bpf_wrong(o->kind, o->login, o->p, len);
		}
		ok(same && wrong == NULL, "%s: beginnings of '%s': %s", kind_name[o->kind],
		    o->name, wrong != NULL ? wrong : "none that is wrong");
		close_pair(&s);
	}
}

/* The longest that passes, of each kind. */
static void
test_length(void)
{
	static const struct {
		const char *head;
		size_t len;
	} begin[KINDS] = {
		{ RTP, sizeof(RTP) - 1 },
		{ "\x80\xc9\x07\xff", 4 },		/* 8192 bytes */
		{ CLEAR RTP, sizeof(CLEAR RTP) - 1 },
		{ "\x30\0\x88\xb6\0\0\0\1\0\0\0\1", 12 },
	};
	static uint8_t p[MOST];

	for (unsigned k = 0; k < KINDS; k++) {
		struct pair s;

		memset(p, 'a', sizeof(p));
		memcpy(p, begin[k].head, begin[k].len);
		ok(open_pair(&s, k, false), "%s: a socket", kind_name[k]);
		ok(comes(&s, p, 8192), "%s: 8192 bytes pass", kind_name[k]);
		if (k == RISTFILTER_RTCP)
			p[2] = 8, p[3] = 0;
		ok(!comes(&s, p, k == RISTFILTER_RTCP ? 8196 : 8193), "%s: more do not",
		    kind_name[k]);
		close_pair(&s);
	}
}

/* Any of the list, or two, with a byte changed: the kernel and t/bpf.h agree. */
static void
test_same(void)
{
	uint8_t p[ROOM];

	srandom(5);
	for (unsigned k = 0; k < 2 * KINDS; k++) {
		unsigned differs = 0, in = 0, wrong = 0;
		struct pair s;

		if (!ok(open_pair(&s, k / 2, k % 2), "%s: a socket", kind_name[k / 2]))
			return;
		for (int i = 0; i < 20000; i++) {
			const struct one *o = &list[(size_t)random() % LIST];
			size_t len = o->len;
			bool passes;

			memcpy(p, o->p, len);
			if (len > 0 && random() % 4 > 0)
				p[(size_t)random() % len] = (uint8_t)random();
			if (random() % 4 == 0) {
				const struct one *more = &list[(size_t)random() % LIST];

				memcpy(p + len, more->p, more->len);
				len += more->len;
			}
			passes = comes(&s, p, len);
			in += passes;
			differs += passes != let(&s.f, p, len);
			wrong += passes && bpf_wrong(k / 2, k % 2, p, len) != NULL;
		}
		is(differs, 0, "%s: of 20000 some %u pass, all the same", kind_name[k / 2], in);
		is(wrong, 0, "and librist stands them");
		close_pair(&s);
	}
}

int
main(void)
{
	test_list();
	test_prefixes();
	test_length();
	test_same();
	return done_testing();
}
