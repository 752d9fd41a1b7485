/*
 * Captions as text: 608 by tables of codes, 708 by packets, cues and their times, WebVTT.
 * Codes and characters are those of CTA-608 tables 50 to 53 and CTA-708 7 and 8.10.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/captext.h"
#include "lib/media/webvtt.h"
#include "t/tap.h"

#define STEP	300			/* between pictures; 3 ms, that all is within a second */

static struct captext c;
static struct captext_cues cues;
static int64_t now;

static void
pass(int n)
{
	now += n * STEP;
}

static void
begin(bool service, unsigned n)
{
	captext_cues_clear(&cues);
	captext_init(&c, service, n);
	now = 0;
}

static uint8_t
odd(unsigned b)
{
	return (uint8_t)(__builtin_parity(b & 0x7f) ? b & 0x7f : (b & 0x7f) | 0x80);
}

static void
raw(uint8_t type, uint8_t a, uint8_t b)
{
	const uint8_t t[3] = { (uint8_t)(0xfc | type), a, b };

	captext_put(&c, now, t, 1, &cues);
	now += STEP;
}

static void
pair(unsigned a, unsigned b)
{
	raw((uint8_t)cea608_field(&c.cc), odd(a), odd(b));
}

static void
text(const char *s)
{
	for (; *s != '\0'; s += s[1] != '\0' ? 2 : 1)
		pair((uint8_t)s[0], (uint8_t)s[1]);
}

/* A control code of the channel, twice as it is sent. */
static void
code(unsigned a, unsigned b)
{
	unsigned channel = c.cc.channel % 2 == 0 ? 8 : 0;

	pair(a | channel, b);
	pair(a | channel, b);
}

/* All cues as "begin-end settings|text;", in pictures. */
static const char *
told(bool settings)
{
	static char out[4096];
	size_t n = 0;

	captext_cut(&c, now, &cues);
	out[0] = '\0';
	for (size_t i = 0; i < cues.n && n < sizeof(out); i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%d-%d %s|%s;",
		    (int)(cues.cue[i].begin / STEP), (int)(cues.cue[i].end / STEP),
		    settings ? cues.cue[i].settings : "", cues.cue[i].text);
	return out;
}

static void
told_is(bool settings, const char *want, const char *what)
{
	const char *got = told(settings);

	if (!ok(strcmp(got, want) == 0, "%s", what))
		printf("# got  %s\n# want %s\n", got, want);
}

/* ---- 608 */

static void
styles(void)
{
	begin(false, 1);
	text("LOST");			/* no style has been chosen */
	code(0x14, 0x20);		/* RCL */
	code(0x14, 0x2e);		/* ENM */
	code(0x14, 0x52);		/* PAC: row 14, indent 4 */
	text("POP ON");
	code(0x14, 0x72);		/* row 15, indent 4 */
	text("AT ONCE");
	code(0x14, 0x2f);		/* EOC */
	pass(10);
	code(0x14, 0x2c);		/* EDM */
	pair(0, 0);
	told_is(true, "17-29 line:79.33% position:20% align:start|POP ON\nAT ONCE;",
	    "pop-on: from EOC to EDM");

	begin(false, 1);
	code(0x14, 0x29);		/* RDC */
	code(0x11, 0x40);		/* row 1 */
	text("PAINT");
	code(0x11, 0x60);		/* row 2: not only longer */
	text("ED");
	pass(400);
	text("LATER");
	told_is(false, "4-410 |PAINT\nED;410-413 |PAINT\nEDLATER;",
	    "paint-on: what follows within a second is one cue");

	begin(false, 1);
	code(0x14, 0x25);		/* RU2 */
	code(0x14, 0x2d);
	text("ONE");
	pass(30);
	code(0x14, 0x2d);
	text("TWO");
	pass(30);
	code(0x14, 0x2d);
	text("THREE");
	code(0x14, 0x2c);
	told_is(true, "4-36 line:84.66% position:10% align:start|ONE;"
	    "36-70 line:79.33% position:10% align:start|ONE\nTWO;"
	    "70-75 line:79.33% position:10% align:start|TWO\nTHREE;",
	    "roll-up: two rows, and cues from one CR to the next");

	begin(false, 1);
	code(0x14, 0x27);		/* RU4 */
	code(0x13, 0x60);		/* base row 13 */
	text("BASE");
	code(0x14, 0x25);		/* RU2 keeps it */
	code(0x11, 0x40);		/* row 1 has no room above: row 2 */
	text("UP");
	told_is(true, "4-8 line:74% position:10% align:start|BASE;"
	    "8-10 line:15.33% position:10% align:start|BASE;"
	    "10-11 line:15.33% position:10% align:start|UPSE;",
	    "roll-up: the base moves, with what is there");
}

static void
characters(void)
{
	begin(false, 1);
	code(0x14, 0x29);
	text("\x27\x2a\x5c\x5e\x5f\x60\x7b\x7c\x7d\x7e\x7f");
	told_is(false, "2-8 |’áéíóúç÷Ññ█;", "standard characters that are not ASCII");

	begin(false, 1);
	code(0x14, 0x29);
	for (unsigned b = 0x30; b < 0x40; b++)
		code(0x11, b);
	told_is(false, "2-34 |®°½¿™¢£♪à èâêîôû;", "special characters");

	for (unsigned set = 0x12; set < 0x14; set++) {
		begin(false, 1);
		code(0x14, 0x29);
		for (unsigned b = 0x20; b < 0x38; b++) {
			text("x");
			code(set, b);
		}
		told_is(false, set == 0x12 ? "2-74 |ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎ;" :
		    "2-74 |ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦;",
		    "extended characters take the place of the one before them");
	}
	begin(false, 1);
	code(0x14, 0x29);
	for (unsigned b = 0x38; b < 0x40; b++) {
		text("x");
		code(0x12, b);
		text("x");
		code(0x13, b);
	}
	told_is(false, "2-50 |ÏÅïåÔØÙøù┌Û┐«└»┘;", "the rest of them");

	begin(false, 1);
	code(0x14, 0x29);
	text("<A> & --> B");
	told_is(false, "2-8 |&lt;A&gt; &amp; --&gt; B;", "what WebVTT has a meaning for");
}

static void
edits(void)
{
	begin(false, 1);
	code(0x14, 0x29);
	code(0x14, 0x40);		/* row 14 */
	text("WRONG");
	pass(4);
	code(0x14, 0x21);		/* BS */
	code(0x14, 0x21);
	text("TE");
	told_is(false, "4-11 |WRONG;11-13 |WRON;13-16 |WROTE;", "backspace");

	begin(false, 1);
	code(0x14, 0x29);
	code(0x14, 0x40);
	text("ABCDEFGH");
	code(0x14, 0x52);		/* indent 4 */
	code(0x14, 0x24);		/* DER */
	told_is(false, "4-10 |ABCDEFGH;10-12 |ABCD;", "erased to the end of the row");

	begin(false, 1);
	code(0x14, 0x29);
	code(0x14, 0x40);
	text("0123456789ABCDEF");
	text("0123456789ABCDEFXYZ");
	told_is(false, "4-22 |0123456789ABCDEF0123456789ABCDEZ;",
	    "behind the last column the last one is written over");

	begin(false, 1);
	code(0x14, 0x29);
	code(0x14, 0x52);
	code(0x17, 0x23);		/* T3: column 7 */
	text("TAB");
	told_is(true, "6-8 line:79.33% position:27.50% align:start|TAB;", "tab offset");

	begin(false, 1);
	code(0x14, 0x29);
	code(0x14, 0x4a);		/* row 14, yellow */
	text("YELLOW");
	code(0x11, 0x2f);		/* italics, underlined */
	text("IT");
	code(0x11, 0x20);		/* white */
	text("WHITE");
	told_is(false, "4-15 |<c.yellow>YELLOW</c> <c.yellow><i><u>IT</u></i></c> WHITE;",
	    "colour, italics and underline");

	begin(false, 1);
	code(0x14, 0x20);
	code(0x13, 0x77);		/* row 13, indent 12, underlined */
	text("IN THE");
	code(0x14, 0x56);		/* row 14, indent 12 */
	code(0x17, 0x21);
	text("MIDST");
	code(0x14, 0x2f);
	pass(1);
	told_is(true, "14-17 line:74%|<u>IN THE</u>\nMIDST;", "rows in the middle are centred");
}

static void
channels(void)
{
	begin(false, 2);
	code(0x14, 0x29);
	text("TWO ");
	pair(0x14, 0x29);		/* of CC1 */
	pair(0x14, 0x29);
	text("NOT MINE");
	code(0x11, 0x2a);
	told_is(false, "2-12 |TWO;", "CC2 has the codes with its bit");

	begin(false, 3);
	pair(0x15, 0x25);		/* as they are in field 2 */
	pair(0x15, 0x25);
	pair(0x15, 0x2d);
	pair(0x15, 0x2d);
	text("THREE");
	pair(0x01, 0x03);		/* XDS: current class, name */
	text("PROGRAM NAME");
	pair(0x15, 0x25);		/* interrupts it */
	pair(0x15, 0x25);
	text("!!");
	pair(0x02, 0x03);		/* goes on */
	text("MORE");
	pair(0x0f, 0x1d);		/* ends */
	text("??");
	raw(0, odd('X'), odd('X'));	/* field 1 */
	told_is(false, "4-23 |THREE!!??;", "CC3, and XDS between");

	begin(false, 1);
	code(0x14, 0x29);
	text("HERE");
	code(0x14, 0x2a);		/* TR */
	text("TEXT MODE");
	code(0x14, 0x2d);
	code(0x14, 0x29);
	text("AGAIN");
	told_is(false, "2-18 |HEREAGAIN;", "text mode is not for us");
}

static void
damage(void)
{
	begin(false, 1);
	code(0x14, 0x29);
	raw(0, odd('A'), (uint8_t)(odd('B') ^ 0x80));
	raw(0, (uint8_t)(odd('C') ^ 0x80), odd('D'));
	raw(0, odd(0x14), (uint8_t)(odd(0x2c) ^ 0x80));
	raw(0, odd('E'), odd('F'));
	told_is(false, "2-6 |A██DEF;", "wrong parity");

	begin(false, 1);
	pair(0x14, 0x29);		/* once only */
	text("ONCE");
	pair(0x14, 0x21);
	pair(0, 0);
	pair(0x14, 0x21);		/* the same once more, behind padding */
	text("!!");
	told_is(false, "1-3 |ONCE;3-7 |ONC!!;", "codes may come once or twice");
}

/* ---- 708 */

static void
packet(const uint8_t *p, size_t len)
{
	static uint8_t sequence;
	uint8_t b[64] = { (uint8_t)(sequence++ << 6) }, n = 2;

	b[1] = (uint8_t)(c.dtvcc.service << 5 | len);
	memcpy(b + n, p, len);
	n = (uint8_t)(n + len + (len & 1));
	b[0] |= n / 2;
	for (unsigned i = 0; i < n; i += 2)
		raw(i == 0 ? 3 : 2, b[i], b[i + 1]);
}

#define PACKET(...)	do {						\
	const uint8_t bytes[] = { __VA_ARGS__ };			\
									\
	packet(bytes, sizeof(bytes));					\
} while (0)

static void
windows(void)
{
	begin(true, 1);
	/* DF0: hidden, anchor 6 (left, below) at 75 and 0, 2 rows, 32 columns, style 1 */
	PACKET(0x98, 0x00, 75, 0, 0x61, 31, 0x09);
	PACKET('S', 'E', 'R', 'V', 'I', 'C', 'E', 0x0d, 'O', 'N', 'E');
	PACKET(0x89, 0x01);		/* DSW */
	pass(10);
	PACKET(0x8a, 0x01);		/* HDW */
	told_is(true, "13-25 line:79.34% position:10% align:start|SERVICE\nONE;",
	    "a window from DSW to HDW");

	begin(true, 1);
	PACKET(0x98, 0x20, 0x80 | 50, 50, 0x40, 20, 0x1b);	/* relative, centred */
	PACKET(0x90, 0x05, 0x80, 'I');		/* SPA italics */
	PACKET(0x90, 0x05, 0x40, 0x91, 0x3c, 0x00, 0x00, 'U');	/* SPC yellow */
	told_is(true, "7-13 line:47.34%|<i>I</i><c.yellow><u>U</u></c>;", "pens, and its place");

	begin(true, 1);
	PACKET(0x98, 0x20, 0, 0, 0x00, 31, 0x09);
	PACKET(0x7f, 0x10, 0x25, 0x10, 0x39, 0x10, 0x3f, 0xe9, 0x18, 0x26, 0x6b, 0x10, 0xa0,
	    0x10, 0x22);
	PACKET('a', 0x08, 0x10, 0x08, 0xff, 0x10, 0x90, 0x02, 1, 2, 0x19, 1, 2, 0x11, 1, 'b');
	told_is(false, "13-23 |♪…™Ÿé♫__b;", "G0 to G3, P16, and what is skipped");

	begin(true, 2);
	PACKET(0x98, 0x20, 0, 0, 0x11, 31, 0x21);	/* style 4: word wrap, 2 rows */
	PACKET('A', 0x0d, 'B', 0x0d, 'C');
	pass(20);
	PACKET(0x0e, 'D');		/* HCR */
	PACKET(0x92, 0x00, 0x01, 'E');	/* SPL */
	PACKET(0x0c);			/* FF */
	PACKET(0x9b, 0x20, 0, 0, 0x00, 3, 0x00, 'X');
	PACKET(0x8f);			/* RST */
	PACKET('Y');			/* no window */
	told_is(false, "8-33 |B\nD;33-35 |BE\nD;40-42 |X;", "rows roll up; pen and erasing");
}

static void
blocks(void)
{
	/* A packet of two service blocks; one of an extended service; one with a hole. */
	static const uint8_t two[][3] = {
		{ 0xff, 0x08, 0x27 }, { 0xfe, 0x98, 0x20 }, { 0xfe, 0, 0 }, { 0xfe, 0, 31 },
		{ 0xfe, 0x09, 0x42 }, { 0xfe, 'N', 'O' }, { 0xfe, 0x21, 'A' }, { 0xfe, 0, 0 },
		{ 0xff, 0x43, 0xe1 }, { 0xfe, 0x0a, 'X' }, { 0xfe, 0x21, 'B' },
		{ 0xff, 0x82, 0x21 },	/* its end is lost */
		{ 0xff, 0xc2, 0x22 }, { 0xfe, 'C', 'C' },
		{ 0xff, 0x02, 0x21 }, { 0xfe, 'D', 0 },
	};

	begin(true, 1);
	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		captext_put(&c, now, two[i], 1, &cues);
	now++;
	captext_cut(&c, now, &cues);
	ok(cues.n == 1 && strcmp(cues.cue[0].text, "ABCCD") == 0, "blocks of this service alone");
	begin(true, 10);
	captext_put(&c, now, two[8], 1, &cues);
	c.dtvcc.window[0] = (struct cea708_window){
		.defined = true, .visible = true, .rows = 1, .columns = 9,
	};
	c.dtvcc.current = 0;
	for (size_t i = 9; i < 11; i++)
		captext_put(&c, now, two[i], 1, &cues);
	now++;
	captext_cut(&c, now, &cues);
	ok(cues.n == 1 && strcmp(cues.cue[0].text, "X") == 0, "an extended service");

	begin(true, 1);
	PACKET(0x98, 0x20, 0, 0, 0x00, 31, 0x09);
	PACKET('A', 0x8d, 10, 'B');		/* DLY: a second */
	now = 45000;
	PACKET('C');
	now = 95000;
	captext_put(&c, now, two[0], 0, &cues);
	ok(c.dtvcc.window[0].column == 3 && cues.n == 1, "a delay of a second");
	PACKET(0x8d, 100, 'D');
	PACKET(0x8e);				/* DLC */
	is(c.dtvcc.window[0].column, 4, "which can be cancelled");
	PACKET(0x8d, 255);
	for (int i = 0; i < 9; i++)
		PACKET('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4',
		    '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
	ok(c.dtvcc.window[0].column == 32, "and ends when there is no room any more");
}

/* ---- WebVTT */

static void
segments(void)
{
	struct text t = { .len = 0 };
	struct mp4_sample *sample;
	uint8_t *bytes;
	unsigned n;
	size_t len;
	int64_t sum = 0;

	begin(false, 1);
	now = 90000;
	code(0x14, 0x29);
	text("ON");
	now = 180000;
	captext_cut(&c, 180000, &cues);
	webvtt_put(&t, &(struct captext_cues){ 0 }, (INT64_C(5) << 33) + 45000);
	ok(strcmp(t.p, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:45000,LOCAL:00:00:00.000\n") == 0,
	    "a segment without cues");
	text_free(&t);
	webvtt_put(&t, &cues, 0);
	ok(strcmp(t.p, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
	    "00:00:01.007 --> 00:00:02.000 line:84.66% position:10% align:start\nON\n") == 0,
	    "a cue in milliseconds");
	text_free(&t);
	is(webvtt_samples_put(&cues, 45000, 200000, &sample, &n, &bytes, &len), 0, "samples");
	for (unsigned i = 0; i < n; i++)
		sum += sample[i].duration;
	ok(n == 3 && sum == 155000 && sample[0].len == 8 && sample[2].len == 8 &&
	    sample[0].len + sample[1].len + sample[2].len == len,
	    "an empty one on each side of it");
	ok(memcmp(bytes + 4, "vtte", 4) == 0 && memcmp(bytes + 12, "vttc", 4) == 0 &&
	    memcmp(bytes + 20, "sttg", 4) == 0, "boxes");
	free(sample);
	free(bytes);
	captext_cues_clear(&cues);
	text("E");
	captext_cut(&c, 270000, &cues);
	ok(cues.n == 1 && cues.cue[0].begin == 180000 && strcmp(cues.cue[0].text, "ONE") == 0,
	    "what has been cut goes on, and grows");
}

int
main(void)
{
	styles();
	characters();
	edits();
	channels();
	damage();
	windows();
	blocks();
	segments();
	captext_cues_clear(&cues);
	return done_testing();
}
