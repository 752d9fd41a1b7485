/*
 * When datagrams are due: jitter taken out, the sender's clock followed, late ones,
 * bursts, jumps and the wrap of PCR, no PCR at all; rates that change with each picture;
 * RTP timestamps.
 */
#include <stdlib.h>
#include <string.h>

#include "t/tap.h"
#include "transport/pacer.c"

#define DATAGRAM	(7 * TS_PACKET)

struct sender {
	int64_t	 pcr;			/* 27 MHz, of the next byte */
	int64_t	 per_datagram;		/* ticks */
	uint8_t	 pid;			/* of the PCR: 256 and that */
	bool	 told;			/* its next has a discontinuity_indicator */
	unsigned n, pcr_every;		/* datagrams */
};

static void
fill(struct sender *s, uint8_t d[static DATAGRAM])
{
	unsigned at = s->n % 7;		/* the packet of it that has the PCR */

	memset(d, 0xff, DATAGRAM);
	for (unsigned i = 0; i < 7; i++)
		memcpy(d + i * TS_PACKET, "\x47\x01\x00\x10", 4);
	if (s->pcr_every > 0 && s->n % s->pcr_every == 0) {
		int64_t pcr = (s->pcr + at * s->per_datagram / 7) % TS_PCR_WRAP;
		int64_t base = pcr / 300;
		uint8_t *p = d + at * TS_PACKET;

		p[2] = s->pid;
		p[3] = 0x30;
		p[4] = 7;
		p[5] = s->told ? 0x90 : 0x10;
		s->told = false;
		p[6] = (uint8_t)(base >> 25);
		p[7] = (uint8_t)(base >> 17);
		p[8] = (uint8_t)(base >> 9);
		p[9] = (uint8_t)(base >> 1);
		p[10] = (uint8_t)((base & 1) << 7 | 0x7e | pcr % 300 >> 8);
		p[11] = (uint8_t)(pcr % 300);
	}
	s->n++;
	s->pcr += s->per_datagram;
}

static uint64_t
draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

/*
 * count datagrams, each a ms after the other by a clock that is ppm too fast, with
 * jitter; returns the worst error of the distance between two that are due, in ns,
 * after the first 3 s.
 */
static int64_t
run(struct pacer *p, struct sender *s, unsigned count, int64_t jitter_ns, int64_t ppm)
{
	uint8_t d[DATAGRAM];
	int64_t worst = 0, last = 0, sent = 0;
	uint64_t seed = 3;

	for (unsigned i = 0; i < count; i++) {
		int64_t at = (int64_t)i * MS - (int64_t)i * ppm + (jitter_ns > 0 ?
		    (int64_t)(draw(&seed) % (uint64_t)jitter_ns) : 0);
		struct pacer_time t;

		sent = at > sent ? at : sent;	/* nothing overtakes */
		fill(s, d);
		t = pacer_next(p, d, sizeof(d), sent);
		if (i > 3000 && llabs(t.due_ns - last - MS) > worst)
			worst = llabs(t.due_ns - last - MS);
		last = t.due_ns;
		if (t.due_ns < sent)
			worst = INT64_MAX;
	}
	return worst;
}

static void
test_jitter(void)
{
	struct sender s = { .per_datagram = CLK_27M / 1000, .pcr_every = 30 };
	struct pacer p;
	int64_t worst;

	pacer_init(&p, 40 * MS, true, -1);
	worst = run(&p, &s, 20000, 30 * MS, 0);
	ok(worst < 5000, "jitter of 30 ms is 5 us at most when it goes out");
	printf("# %d ns\n", (int)worst);
	is(p.late, 0, "none is late");

	s = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 30 };
	pacer_init(&p, 40 * MS, true, -1);
	worst = run(&p, &s, 200000, 20 * MS, 40);
	ok(worst < 5000, "a clock that is 40 ppm fast is followed, as smoothly");
	printf("# %d ns\n", (int)worst);
	is(p.late + p.resets, 0, "and is neither late nor laid anew");

	s = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 30,
	    .pcr = TS_PCR_WRAP - 5 * CLK_27M };
	pacer_init(&p, 40 * MS, true, -1);
	ok(run(&p, &s, 10000, 30 * MS, 0) < 5000, "the wrap of PCR is none of the output");
	is(p.resets, 0, "nor a jump");
}

static void
test_late(void)
{
	struct sender s = { .per_datagram = CLK_27M / 1000, .pcr_every = 20 };
	struct pacer_time t = { 0 };
	uint8_t d[DATAGRAM];
	struct pacer p;
	int64_t before;

	pacer_init(&p, 20 * MS, true, -1);
	for (int64_t i = 0; i < 1000; i++) {
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), i * MS);
	}
	is(t.due_ns, 999 * MS + 20 * MS, "an even stream is due at its latency");
	fill(&s, d);
	t = pacer_next(&p, d, sizeof(d), 1000 * MS + 23 * MS);
	is(t.due_ns, 1023 * MS, "a little late: at once");
	is(p.rebases, 0, "and the clock stays");
	fill(&s, d);
	t = pacer_next(&p, d, sizeof(d), 1001 * MS + 30 * MS);
	is(t.due_ns, 1031 * MS, "10 ms late: at once");
	is(p.rebases, 1, "and the clock moves");
	fill(&s, d);
	before = t.due_ns;
	t = pacer_next(&p, d, sizeof(d), 1031 * MS);
	is(t.due_ns - before, MS, "so that what follows is not hurried");
	/* A second of nothing, then all of it at once: tsduck #1630. */
	for (int64_t i = 1003; i < 2003; i++) {
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), 2003 * MS);
	}
	ok(t.due_ns <= 2003 * MS + 520 * MS, "a burst after a hole waits half a second "
	    "at most");
	for (int64_t i = 2003; i < 4000; i++) {
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), i * MS);
	}
	ok(t.due_ns <= 4000 * MS + 520 * MS && t.due_ns >= 4000 * MS, "and later too");
}

static void
test_jumps(void)
{
	struct sender s = { .per_datagram = CLK_27M / 1000, .pcr_every = 10,
	    .pcr = 1000 * CLK_27M };
	struct pacer_time t = { 0 };
	uint8_t d[DATAGRAM];
	uint32_t last = 0;
	struct pacer p;
	unsigned back = 0, marks = 0, steps = 0;

	pacer_init(&p, 20 * MS, true, -1);
	for (int64_t i = 0; i < 4000; i++) {
		if (i == 1000)
			s.pcr = 5 * CLK_27M;
		if (i == 2000)
			s.pcr += 20000 * CLK_27M;
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), i * MS);
		if (i > 0) {
			back += (int32_t)(t.timestamp - last) < 0;
			steps += t.timestamp - last < 60 || t.timestamp - last > 120;
		}
		marks += t.marker;
		last = t.timestamp;
	}
	is(back, 0, "RTP timestamps never go back");
	is(marks, 2, "a jump of the clock sets M, once");
	ok(steps < 30, "else they go on as time does");
	printf("# %u steps\n", steps);
	is(p.resets, 2, "two clocks laid anew");
	ok(t.due_ns >= 3999 * MS && t.due_ns <= 4025 * MS, "nothing is held back by them");

	pacer_init(&p, 20 * MS, true, -1);
	s = (struct sender){ .per_datagram = CLK_27M / 1000 };
	for (int64_t i = 0; i < 3000; i++) {
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), i * MS);
	}
	is(t.due_ns, 3019 * MS, "without PCR: when it comes, and the latency");
	is(t.timestamp, 2999 * 90, "and timestamps by the time of day");
	pacer_init(&p, 0, true, -1);
	s = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 10 };
	fill(&s, d);
	is(pacer_next(&p, d, sizeof(d), 7).due_ns, 7, "without latency: when it comes");
}

static void
test_file(void)
{
	struct sender s = { .per_datagram = CLK_27M / 1000, .pcr_every = 30 };
	struct pacer_time t = { 0 };
	uint8_t d[DATAGRAM];
	struct pacer p;
	int64_t now = 0, worst = 0, last = 0;

	pacer_init(&p, 20 * MS, false, -1);
	for (unsigned i = 0; i < 60000; i++) {
		if (t.due_ns > now + 200 * MS)
			now = t.due_ns - 200 * MS;	/* as far ahead as it may read */
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), now);
		if (i > 31 && llabs(t.due_ns - last - MS) > worst)
			worst = llabs(t.due_ns - last - MS);
		last = t.due_ns;
	}
	ok(worst < 1000, "a file goes at the pace of its clock");
	ok(llabs(last - (int64_t)59999 * MS) < 100 * MS, "for a minute, exactly");
	is(p.late + p.resets + p.rebases, 0, "and is never late");
}

/* ---- another PID has the PCR, at half of the rate */

/* count datagrams of a file; returns how long they take. */
static int64_t
read_file(struct pacer *p, struct sender *s, unsigned count)
{
	int64_t from = p->due_ns, now = 0;
	uint8_t d[DATAGRAM];

	for (unsigned i = 0; i < count; i++) {
		if (p->due_ns > now + 200 * MS)
			now = p->due_ns - 200 * MS;
		fill(s, d);
		pacer_next(p, d, sizeof(d), now);
	}
	return p->due_ns - from;
}

static void
test_pid(void)
{
	struct sender s = { .per_datagram = CLK_27M / 1000, .pcr_every = 10 }, other;
	int64_t took, last = 0;
	uint8_t d[DATAGRAM];
	struct pacer p;
	unsigned rough = 0, at_once = 0;

	pacer_init(&p, 20 * MS, false, -1);
	read_file(&p, &s, 2000);
	s.pid = 7;
	s.per_datagram *= 2;
	took = read_file(&p, &s, 3000);
	ok(took > 5300 * MS && took < 6100 * MS, "a file whose PCR is on another PID then "
	    "goes by that: 3000 datagrams take %d ms of 6000", (int)(took / MS));
	is(p.pid.now, 256 + 7, "it is the clock");

	/* Of two programs, one is the clock as long as it has any. */
	pacer_init(&p, 20 * MS, true, -1);
	s = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 10 };
	other = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 10, .pid = 8,
	    .n = 5, .pcr = 777 * CLK_27M };
	for (int64_t i = 0; i < 8000; i++) {
		struct pacer_time t;

		if (i == 4000)
			s.pcr_every = 0;
		fill(i % 2 == 0 ? &s : &other, d);
		*(i % 2 == 0 ? &s.pcr : &other.pcr) += CLK_27M / 1000;
		t = pacer_next(&p, d, sizeof(d), i * MS + i % 3 * 3 * MS);
		rough += i > 1000 && i < 4000 && llabs(t.due_ns - last - MS) > MS / 10;
		at_once += i > 7000 && llabs(t.due_ns - last - MS) > MS / 10;
		last = t.due_ns;
	}
	is(rough, 0, "one of two programs is the clock");
	is(at_once, 0, "and the other when that ends");
	is(p.resets, 1, "which is laid anew once");

	pacer_init(&p, 20 * MS, true, 256);
	s = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 10, .pid = 7 };
	for (int64_t i = 0; i < 3000; i++) {
		fill(&s, d);
		pacer_next(&p, d, sizeof(d), i * MS);
	}
	ok(!p.locked, "the PID that was asked for is never another");
}

static void
test_told(void)
{
	struct sender s = { .per_datagram = CLK_27M / 1000, .pcr_every = 10 };
	struct pacer_time t = { 0 };
	uint8_t d[DATAGRAM];
	struct pacer p;
	int64_t took, worst = 0, last = 0;

	pacer_init(&p, 20 * MS, false, -1);
	read_file(&p, &s, 1000);
	s.pcr += 3 * CLK_27M;
	s.told = true;
	took = read_file(&p, &s, 1000);
	ok(llabs(took - 1000 * MS) < 15 * MS, "a jump that is told is not waited for: %d ms",
	    (int)(took / MS));
	is(p.resets, 1, "the clock is laid anew");

	pacer_init(&p, 20 * MS, true, -1);
	s = (struct sender){ .per_datagram = CLK_27M / 1000, .pcr_every = 10 };
	for (int64_t i = 0; i < 4000; i++) {
		if (i == 2000) {
			s.pcr += 300 * CLK_27M / 1000;
			s.told = true;
		}
		if (i == 3000)
			s.told = true;
		fill(&s, d);
		t = pacer_next(&p, d, sizeof(d), i * MS);
		if (i > 100 && llabs(t.due_ns - last - MS) > worst)
			worst = llabs(t.due_ns - last - MS);
		last = t.due_ns;
	}
	ok(worst <= 10 * MS, "one of 300 ms, live: %d us", (int)(worst / 1000));
	is(p.resets, 1, "and one that is told and is none changes nothing");
}

/* ---- pictures of other sizes, 40 ms and a PCR each */

#define PICTURE_27M	(CLK_27M / 25)
#define PICTURE_NS	(40 * MS)

static unsigned
size_of(unsigned picture)
{
	return picture % 12 == 0 ? 90 : 10 + picture * 7 % 13;
}

/* Datagram i of a picture. */
static void
fill_picture(struct sender *s, unsigned picture, unsigned i, uint8_t d[static DATAGRAM])
{
	s->n = 0;
	s->pcr_every = i == 0;
	s->per_datagram = PICTURE_27M / size_of(picture);
	if (i == 0)
		s->pcr = picture * PICTURE_27M;
	fill(s, d);
}

/* When datagram i of a picture was meant to be sent. */
static int64_t
meant(unsigned picture, unsigned i)
{
	return picture * PICTURE_NS + i * PICTURE_NS / size_of(picture);
}

/*
 * Each datagram at its time, with jitter: of those with a PCR, how far the worst is off
 * after two seconds; *early: how much earlier than meant the worst of the others.
 */
static int64_t
send_even(struct pacer *p, int64_t jitter_ns, int64_t *early)
{
	struct sender s = { .per_datagram = 0 };
	uint8_t d[DATAGRAM];
	int64_t worst = 0, sent = 0, off = 0;
	uint64_t seed = 3;

	*early = 0;
	for (unsigned k = 0; k < 1000; k++)
		for (unsigned i = 0; i < size_of(k); i++) {
			int64_t at = meant(k, i) + (int64_t)(draw(&seed) % (uint64_t)jitter_ns);
			struct pacer_time t;

			sent = at > sent ? at : sent;
			fill_picture(&s, k, i, d);
			t = pacer_next(p, d, sizeof(d), sent);
			if (k < 50)
				continue;
			off = t.due_ns - meant(k, i) - 30 * MS;
			if (i == 0 && llabs(off) > worst)
				worst = llabs(off);
			if (i > 0 && -off > *early)
				*early = -off;
		}
	return worst;
}

static void
test_vbr(void)
{
	struct sender s = { .per_datagram = 0 };
	int64_t worst, early, last = 0, gap = 0;
	unsigned late = 0, spread = 0;
	uint8_t d[DATAGRAM];
	struct pacer p;

	pacer_init(&p, 30 * MS, true, -1);
	worst = send_even(&p, 5 * MS, &early);
	ok(worst < MS / 2, "at a rate that changes, PCRs are %d us off", (int)(worst / 1000));
	ok(early < 6 * MS, "and others %d us early", (int)(early / 1000));
	is(p.late + p.rebases + p.resets, 0, "none is late");

	/* Each picture comes at once, as an encoder writes it. */
	pacer_init(&p, 30 * MS, true, -1);
	for (unsigned k = 0; k < 1000; k++)
		for (unsigned i = 0; i < size_of(k); i++) {
			struct pacer_time t;

			fill_picture(&s, k, i, d);
			t = pacer_next(&p, d, sizeof(d), k * PICTURE_NS);
			if (k > 50) {
				late += i == 0 && llabs(t.due_ns - meant(k, 0) - 30 * MS) > 15 * MS;
				gap = t.due_ns - last > gap ? t.due_ns - last : gap;
				spread += t.due_ns - last > MS / 10;
			}
			last = t.due_ns;
		}
	ok(spread > 10000, "bursts are spread: %u datagrams have a distance", spread);
	ok(gap < PICTURE_NS, "no hole is as long as a picture: %d us", (int)(gap / 1000));
	ok(late < 120, "%u PCRs of 949 are far off", late);
}

/* The same in a file: the PCR behind it is known. */
static void
test_look(void)
{
	static uint8_t wait[128][DATAGRAM];
	struct sender s = { .per_datagram = 0 };
	struct pacer_time t = { 0 };
	int64_t worst = 0, first = 0, now = 0;
	unsigned n = 0;
	struct pacer p;

	pacer_init(&p, 20 * MS, false, -1);
	for (unsigned k = 0; k < 1000; k++)
		for (unsigned i = 0; i < size_of(k); i++) {
			fill_picture(&s, k, i, wait[n]);
			if (pacer_look(&p, wait[n], DATAGRAM) && k > 0) {
				for (unsigned j = 0; j < n; j++) {
					t = pacer_next(&p, wait[j], DATAGRAM, now);
					first = k == 1 && j == 0 ? t.due_ns : first;
					if (llabs(t.due_ns - first - meant(k - 1, j)) > worst)
						worst = llabs(t.due_ns - first - meant(k - 1, j));
				}
				now = t.due_ns > 200 * MS ? t.due_ns - 200 * MS : 0;
				memcpy(wait[0], wait[n], DATAGRAM);
				n = 0;
			}
			n++;
		}
	ok(worst < 5000, "in a file each is %d ns off at most", (int)worst);
	is(p.late + p.rebases + p.resets, 0, "and none is late");
}

int
main(void)
{
	test_jitter();
	test_late();
	test_jumps();
	test_file();
	test_pid();
	test_told();
	test_vbr();
	test_look();
	return done_testing();
}
