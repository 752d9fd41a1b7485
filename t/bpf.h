/*
 * bpf.h - runs a program for SO_ATTACH_FILTER as the kernel does, and says what librist
 * does not stand of what the one of lib/leg/ristfilter.h lets through.
 *
 * Spec     Linux, networking/filter: only what is used there; what else comes is none.
 * Memory   Nothing allocates; a load outside of the datagram ends in 0.
 */
#ifndef BPF_H
#define BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/leg/ristfilter.h"

/* Big-endian, of so many bytes; false: not all of it is there. */
static inline bool
bpf_load(const uint8_t *p, size_t len, uint64_t at, unsigned size, uint32_t *v)
{
	if (at + size > len)
		return false;
	*v = 0;
	for (unsigned i = 0; i < size; i++)
		*v = *v << 8 | p[at + i];
	return true;
}

static inline uint32_t
bpf_alu(unsigned code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_AND:
		return a & b;
	case BPF_LSH:
		return a << b;
	case BPF_RSH:
		return a >> b;
	default:
		abort();
	}
}

static inline bool
bpf_jump(unsigned code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JSET:
		return (a & b) != 0;
	default:
		abort();
	}
}

/* The datagram with its head of UDP: how much of it passes, and in how many steps. */
static inline uint32_t
bpf_run(const struct sock_filter *code, unsigned n, const uint8_t *p, size_t len,
    unsigned *steps)
{
	uint32_t a = 0, x = 0, mem[BPF_MEMWORDS] = { 0 };

	*steps = 0;
	for (unsigned at = 0; at < n; at++) {
		const struct sock_filter *i = &code[at];
		uint32_t b = BPF_SRC(i->code) == BPF_X ? x : i->k;
		unsigned size = BPF_SIZE(i->code) == BPF_W ? 4 :
		    BPF_SIZE(i->code) == BPF_H ? 2 : 1;

		++*steps;
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (BPF_MODE(i->code) == BPF_LEN)
				a = (uint32_t)len;
			else if (BPF_MODE(i->code) != BPF_ABS && BPF_MODE(i->code) != BPF_IND)
				abort();
			else if (!bpf_load(p, len, (uint64_t)i->k +
			    (BPF_MODE(i->code) == BPF_IND ? x : 0), size, &a))
				return 0;
			break;
		case BPF_LDX:
			if (BPF_MODE(i->code) != BPF_MEM && BPF_MODE(i->code) != BPF_IMM)
				abort();
			x = BPF_MODE(i->code) == BPF_MEM ? mem[i->k] : i->k;
			break;
		case BPF_ST:
			mem[i->k] = a;
			break;
		case BPF_STX:
			mem[i->k] = x;
			break;
		case BPF_ALU:
			a = bpf_alu(i->code, a, b);
			break;
		case BPF_JMP:
			at += bpf_jump(i->code, a, b) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return i->k;
		case BPF_MISC:
			if (BPF_MISCOP(i->code) != BPF_TAX)
				abort();
			x = a;
			break;
		}
	}
	abort();		/* no program ends so */
}

static inline unsigned
bpf_16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/*
 * Reports, gone through as librist 0.2.7 does, with its 16 bits for what a report has:
 * it is to come to the end, and nothing it takes is beyond that.
 */
static inline const char *
bpf_reports(const uint8_t *p, size_t len)
{
	uint16_t at = 0;

	while (at < len) {
		const uint8_t *r = p + at;
		size_t left = len - at;
		uint16_t size;

		if (left < 4)
			return "a report of less than its head";
		size = (uint16_t)(4 + 4 * bpf_16(r + 2));
		if (size == 0)
			return "a report without end";
		if (size > left || 4 + 4 * bpf_16(r + 2) != size)
			return "a report that is longer than the rest";
		if ((r[1] == 202 || r[1] == 204 || r[1] == 205 || r[1] == 207) &&
		    size < 12)
			return "a report without what is read of it";
		if (r[1] == 202 && r[9] > 127)
			return "a name that is longer than its room";
		if (r[1] == 207 && 12 + 4 * bpf_16(r + 10) != size)
			return "a block that is not the report";
		at = (uint16_t)(at + size);
	}
	return NULL;
}

/* NULL if librist stands it. */
static inline const char *
bpf_rtp(const uint8_t *p, size_t len)
{
	if (len < 12)
		return "RTP without its head";
	if ((p[0] & 0x10) != 0) {
		if (len < 16)
			return "RTP without the extension it says";
		if (p[12] == 'R' && p[13] == 'I' && bpf_16(p + 14) == 1 &&
		    (len < 20 || (len == 20 && ((p[16] & 0x80) == 0 || (p[17] & 0x7f) == 0))))
			return "RTP with an extension alone";
	}
	return len == 12 ? "RTP without a payload" : NULL;
}

static inline const char *
bpf_wrong(enum ristfilter_kind kind, bool login, const uint8_t *p, size_t len)
{
	size_t key = 4;
	unsigned type;

	if (len > 8192)
		return "too long";
	if (kind == RISTFILTER_CLEAR || kind == RISTFILTER_KEYED) {
		if (len < 4)
			return "a tunnel without its head";
		type = bpf_16(p + 2);
		key += (p[0] & 0x80) != 0 ? 4u : 0;
		if (type == 0x88b5)
			return NULL;
		if (type == 0x888e)
			return login ? NULL : "a login that is not asked for";
		if (type != 0x88b6)
			return "a tunnel of something else";
		if (kind == RISTFILTER_KEYED) {
			if ((p[0] & 0x30) != 0x30)
				return "not encrypted";
			if (len <= key + 8 + 4 + 12)
				return "nothing encrypted";
			return p[key] + p[key + 1] + p[key + 2] + p[key + 3] != 0 ? NULL :
			    "a nonce of 0";
		}
		if ((p[0] & 0x30) == 0x30)
			return NULL;		/* librist refuses it */
		key += (p[0] & 0x10) != 0 ? 8u : 4;
		if (len < key)
			return "a tunnel without ports";
		p += key;
		len -= key;
	}
	if (len < 2 || (p[0] & 0xc0) != 0x80)
		return "neither RTP nor RTCP";
	if (kind == (p[1] < 200 ? RISTFILTER_RTCP : RISTFILTER_RTP))
		return "the other port's";
	return p[1] < 200 ? bpf_rtp(p, len) : bpf_reports(p, len);
}

#endif
