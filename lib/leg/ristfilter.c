#include <assert.h>
#include <stddef.h>

#include "lib/leg/ristfilter.h"
#include "lib/leg/ristwire.h"

#define IP_AT(n)	((uint32_t)(SKF_NET_OFF + (n)))
#define IP_VERSION	0xf0
#define UDP_HEAD	8		/* the filter sees the header */
#define GRE_TYPE	(UDP_HEAD + 2)
#define GRE_CHECKSUM	0x80
#define GRE_KEY_AND_SEQ	0x30
#define GRE_SEQ		0x10
#define KEYED_LEAST	(UDP_HEAD + 4 + 4 + 4 + 4 + PORTS + 12)	/* more than a bare header */
#define MOST		(UDP_HEAD + 8192)	/* librist has 10000, and may put null packets in */
#define RTCP_REPORTS	12		/* in one datagram, at most */
#define LATER		255		/* a jump whose end is not known yet */

enum { ALL, HERE, WORDS, ADDRESS, PORT };		/* of memory */

static void
op(struct ristfilter *f, unsigned code, uint32_t k)
{
	assert(f->n < RISTFILTER_ROOM);
	f->code[f->n++] = (struct sock_filter)BPF_STMT((uint16_t)code, k);
}

static void
drop(struct ristfilter *f)
{
	op(f, BPF_RET | BPF_K, 0);
}

static void
pass(struct ristfilter *f)
{
	op(f, BPF_RET | BPF_K, UINT32_MAX);
}

/* What follows, up to land(), is for when it is so of A. */
static unsigned
when(struct ristfilter *f, unsigned test, uint32_t k)
{
	op(f, BPF_JMP | test, k);
	f->code[f->n - 1].jf = LATER;
	return f->n - 1;
}

static unsigned
unless(struct ristfilter *f, unsigned test, uint32_t k)
{
	op(f, BPF_JMP | test, k);
	f->code[f->n - 1].jt = LATER;
	return f->n - 1;
}

static void
land(struct ristfilter *f, unsigned from)
{
	struct sock_filter *j = &f->code[from];
	unsigned over = f->n - from - 1;

	assert(over < LATER);
	*(j->jt == LATER ? &j->jt : &j->jf) = (uint8_t)over;
}

static void
drop_unless(struct ristfilter *f, unsigned test, uint32_t k)
{
	unsigned j = unless(f, test, k);

	drop(f);
	land(f, j);
}

static void
drop_when(struct ristfilter *f, unsigned test, uint32_t k)
{
	unsigned j = when(f, test, k);

	drop(f);
	land(f, j);
}

static void
pass_when(struct ristfilter *f, unsigned test, uint32_t k)
{
	unsigned j = when(f, test, k);

	pass(f);
	land(f, j);
}

/* RTP at X has to have a payload, if only one of null packets that were left out. */
static void
put_rtp(struct ristfilter *f)
{
	unsigned extended, ri;

	op(f, BPF_LD | BPF_B | BPF_IND, 0);
	extended = when(f, BPF_JSET, 0x10);
	op(f, BPF_LD | BPF_W | BPF_IND, 12);
	ri = when(f, BPF_JEQ, EXT_RI);
	op(f, BPF_LD | BPF_W | BPF_IND, 16);
	op(f, BPF_ALU | BPF_RSH | BPF_K, 16);
	op(f, BPF_ALU | BPF_AND | BPF_K, EXT_NULLS | EXT_WHICH);
	pass_when(f, BPF_JGT, EXT_NULLS);
	op(f, BPF_LD | BPF_B | BPF_IND, 20);
	pass(f);
	land(f, ri);
	land(f, extended);
	op(f, BPF_LD | BPF_B | BPF_IND, 12);
	pass(f);
}

/* What is read of a report of that type has to be in it. */
static void
put_least(struct ristfilter *f, uint32_t type)
{
	unsigned it;

	op(f, BPF_LD | BPF_B | BPF_IND, 1);
	it = when(f, BPF_JEQ, type);
	op(f, BPF_LD | BPF_H | BPF_IND, 2);
	drop_unless(f, BPF_JGE, 2);
	if (type == RTCP_SDES) {
		op(f, BPF_LD | BPF_B | BPF_IND, 9);
		drop_when(f, BPF_JGT, NAME_MOST);
	} else if (type == RTCP_XR) {
		/* One block, that fills it: librist goes on by its length. */
		op(f, BPF_ALU | BPF_SUB | BPF_K, 2);
		op(f, BPF_ST, WORDS);
		op(f, BPF_LD | BPF_H | BPF_IND, 10);
		op(f, BPF_LDX | BPF_MEM, WORDS);
		drop_unless(f, BPF_JEQ | BPF_X, 0);
		op(f, BPF_LDX | BPF_MEM, HERE);
	}
	land(f, it);
}

/* A report at X.  A is where it ends, which is in the datagram. */
static void
put_report(struct ristfilter *f)
{
	op(f, BPF_STX, HERE);
	put_least(f, RTCP_SDES);
	put_least(f, RTCP_APP);
	put_least(f, RTCP_NACK);
	put_least(f, RTCP_XR);
	op(f, BPF_LD | BPF_H | BPF_IND, 2);
	op(f, BPF_ALU | BPF_ADD | BPF_K, 1);
	op(f, BPF_ALU | BPF_LSH | BPF_K, 2);
	op(f, BPF_ALU | BPF_ADD | BPF_X, 0);
	op(f, BPF_LDX | BPF_MEM, ALL);
	drop_when(f, BPF_JGT | BPF_X, 0);
}

static void
put_rtcp(struct ristfilter *f)
{
	op(f, BPF_STX, HERE);
	op(f, BPF_LD | BPF_W | BPF_LEN, 0);
	op(f, BPF_ST, ALL);
	op(f, BPF_LDX | BPF_MEM, HERE);
	for (unsigned i = 0; i < RTCP_REPORTS; i++) {
		put_report(f);
		pass_when(f, BPF_JEQ | BPF_X, 0);
		op(f, BPF_MISC | BPF_TAX, 0);
	}
	drop(f);
}

/* X is where the reduced overhead ends. */
static void
find_inner(struct ristfilter *f)
{
	op(f, BPF_LD | BPF_B | BPF_ABS, UDP_HEAD);
	op(f, BPF_ALU | BPF_AND | BPF_K, GRE_SEQ);
	op(f, BPF_ALU | BPF_RSH | BPF_K, 2);
	op(f, BPF_MISC | BPF_TAX, 0);
	op(f, BPF_LD | BPF_B | BPF_ABS, UDP_HEAD);
	op(f, BPF_ALU | BPF_AND | BPF_K, GRE_CHECKSUM);
	op(f, BPF_ALU | BPF_RSH | BPF_K, 5);
	op(f, BPF_ALU | BPF_ADD | BPF_X, 0);
	op(f, BPF_ALU | BPF_ADD | BPF_K, UDP_HEAD + 4 + PORTS);
	op(f, BPF_MISC | BPF_TAX, 0);
}

/* The tunnel, up to what is in it. */
static void
put_tunnel(struct ristfilter *f, bool keyed, bool login)
{
	unsigned eapol;

	op(f, BPF_LD | BPF_H | BPF_ABS, GRE_TYPE);
	pass_when(f, BPF_JEQ, TYPE_KEEPALIVE);
	eapol = when(f, BPF_JEQ, TYPE_EAPOL);
	op(f, BPF_RET | BPF_K, login ? UINT32_MAX : 0);
	land(f, eapol);
	drop_unless(f, BPF_JEQ, TYPE_REDUCED);
	op(f, BPF_LD | BPF_B | BPF_ABS, UDP_HEAD);
	op(f, BPF_ALU | BPF_AND | BPF_K, GRE_KEY_AND_SEQ);
	if (keyed) {
		drop_unless(f, BPF_JEQ, GRE_KEY_AND_SEQ);
		op(f, BPF_LD | BPF_W | BPF_LEN, 0);
		drop_unless(f, BPF_JGT, KEYED_LEAST);
		/* With a nonce of 0 it is not decrypted, and taken as it is. */
		op(f, BPF_LD | BPF_B | BPF_ABS, UDP_HEAD);
		op(f, BPF_ALU | BPF_AND | BPF_K, GRE_CHECKSUM);
		op(f, BPF_ALU | BPF_RSH | BPF_K, 5);		/* 4 or 0 */
		op(f, BPF_MISC | BPF_TAX, 0);
		op(f, BPF_LD | BPF_W | BPF_IND, UDP_HEAD + 4);
		drop_when(f, BPF_JEQ, 0);
		pass(f);
	} else
		pass_when(f, BPF_JEQ, GRE_KEY_AND_SEQ);	/* librist says that it has no key */
}

/* All that comes from one of these is dropped. */
static void
put_but(struct ristfilter *f, const struct ristfilter_source *but, unsigned n)
{
	unsigned v6, port;

	op(f, BPF_LD | BPF_H | BPF_ABS, 0);
	op(f, BPF_ST, PORT);
	op(f, BPF_LD | BPF_W | BPF_ABS, IP_AT(12));
	op(f, BPF_ST, ADDRESS);
	op(f, BPF_LD | BPF_B | BPF_ABS, IP_AT(0));
	op(f, BPF_ALU | BPF_AND | BPF_K, IP_VERSION);
	v6 = when(f, BPF_JEQ, 0x60);
	op(f, BPF_LD | BPF_W | BPF_ABS, IP_AT(20));
	op(f, BPF_ST, ADDRESS);
	land(f, v6);
	for (unsigned i = 0; i < n; i++) {
		op(f, BPF_LD | BPF_MEM, PORT);
		port = when(f, BPF_JEQ, but[i].port);
		op(f, BPF_LD | BPF_MEM, ADDRESS);
		drop_when(f, BPF_JEQ, but[i].address);
		land(f, port);
	}
}

void
ristfilter_init(struct ristfilter *f, enum ristfilter_kind kind, bool login)
{
	ristfilter_init_but(f, kind, login, NULL, 0);
}

void
ristfilter_init_but(struct ristfilter *f, enum ristfilter_kind kind, bool login,
    const struct ristfilter_source *but, unsigned n)
{
	unsigned rtcp;

	f->n = 0;
	if (n > 0)
		put_but(f, but, n);
	op(f, BPF_LD | BPF_W | BPF_LEN, 0);
	drop_when(f, BPF_JGT, MOST);
	if (kind == RISTFILTER_KEYED || kind == RISTFILTER_CLEAR)
		put_tunnel(f, kind == RISTFILTER_KEYED, login);
	if (kind == RISTFILTER_KEYED)
		return;
	if (kind == RISTFILTER_CLEAR)
		find_inner(f);
	else
		op(f, BPF_LDX | BPF_W | BPF_IMM, UDP_HEAD);
	op(f, BPF_LD | BPF_B | BPF_IND, 0);
	op(f, BPF_ALU | BPF_AND | BPF_K, 0xc0);
	drop_unless(f, BPF_JEQ, 0x80);
	op(f, BPF_LD | BPF_B | BPF_IND, 1);
	rtcp = unless(f, BPF_JGE, RTCP_FIRST);
	if (kind == RISTFILTER_RTCP)
		drop(f);
	else
		put_rtp(f);
	land(f, rtcp);
	if (kind == RISTFILTER_RTP)
		drop(f);
	else
		put_rtcp(f);
}
