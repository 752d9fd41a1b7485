/* mlive-cue show: a line for each cue of a stream, or for sections by themselves. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/tsdemux.h"
#include "schedule/cue.h"
#include "schedule/splice.h"
#include "schedule/stc.h"
#include "schedule/words.h"

#define READ_MAX	(256 << 10)

struct show {
	const struct cue_options *o;
	struct tsdemux demux;
	bool	 live;			/* time of arrival, if the stream says none */
	uint16_t pcr_pid;
	struct stc stc;
	uint64_t cues, wrong;
	uint8_t	*in;
	size_t	 len;
};

static struct scte35 cue;		/* big, and one at a time */

/* ---- one section */

/* How far ahead of the stream's clock a time of 33 bits is: the nearest of both ways. */
static int64_t
ahead(const struct show *s, uint64_t pts)
{
	return stc_media(&s->stc, pts) - stc_now(&s->stc);
}

static int64_t
wall_ns(const struct show *s)
{
	int64_t ns = stc_wall_ns(&s->stc);

	return ns == STC_NO_TIME && s->live ? clk_utc_ns() : ns;
}

static void
print_json(const struct show *s, uint16_t pid, bool damaged, const char *words)
{
	uint64_t pts = splice_pts(&cue);
	json_t *o = json_object(), *section = scte35_to_json(&cue);
	int64_t now = wall_ns(s);
	char iso[CLK_ISO];

	if (o == NULL || section == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	if (now != STC_NO_TIME) {
		clk_iso(now, iso);
		json_object_set_new(o, "time", json_string(iso));
	}
	if (pid != 0)
		json_object_set_new(o, "pid", json_integer(pid));
	if (s->stc.pcr != STC_NO_TIME)
		json_object_set_new(o, "stream_time", json_integer((json_int_t)
		    stc_pts(&s->stc, stc_now(&s->stc))));
	if (pts != SCTE35_NULL_PTS)
		json_object_set_new(o, "splice_time", json_integer((json_int_t)pts));
	if (pts != SCTE35_NULL_PTS && s->stc.pcr != STC_NO_TIME)
		json_object_set_new(o, "ahead_ms", json_integer(ahead(s, pts) / 90));
	if (damaged)
		json_object_set_new(o, "crc_error", json_true());
	json_object_set_new(o, "words", json_string(words));
	json_object_set_new(o, "splice_info_section", section);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void
print_line(const struct show *s, uint16_t pid, bool damaged, const char *words)
{
	uint64_t pts = splice_pts(&cue);
	char time[WORDS_TIME] = "-", iso[CLK_ISO] = "-", lead[32] = "-";
	int64_t now = wall_ns(s), ms;

	if (s->stc.pcr != STC_NO_TIME)
		words_time(stc_pts(&s->stc, stc_now(&s->stc)), time);
	if (now != STC_NO_TIME)
		clk_iso(now, iso);
	if (pts != SCTE35_NULL_PTS && s->stc.pcr != STC_NO_TIME) {
		ms = ahead(s, pts) / 90;
		snprintf(lead, sizeof(lead), "%c%" PRId64 ".%03" PRId64, ms < 0 ? '-' : '+',
		    (int64_t)llabs(ms) / 1000, (int64_t)llabs(ms) % 1000);
	}
	if (pid != 0)
		printf("%s  %s  %u  %s  ", time, iso, pid, lead);
	printf("%s%s\n", damaged ? "[CRC wrong] " : "", words);
}

static void
show_section(struct show *s, const uint8_t *p, size_t len, uint16_t pid)
{
	char words[WORDS_MAX];
	int r = scte35_parse(p, len, &cue);

	if (r == -EBADMSG || (r == -EILSEQ && !s->o->damaged)) {
		s->wrong++;
		log_warn(0, r == -EILSEQ ? "a section with a wrong CRC" :
		    "what is no splice information section");
		return;
	}
	s->cues++;
	words_of(&cue, words);
	if (s->o->json)
		print_json(s, pid, r < 0, words);
	else
		print_line(s, pid, r < 0, words);
	fflush(stdout);
}

/* ---- a stream */

static void
take_event(struct show *s, const struct tsdemux_event *ev)
{
	switch (ev->type) {
	case TSDEMUX_PCR:
		if (s->pcr_pid == 0)
			s->pcr_pid = ev->pid;
		if (ev->pid != s->pcr_pid)
			break;
		stc_pcr(&s->stc, ev->pcr);
		if (ev->has_arrival)
			stc_mark(&s->stc, s->stc.pcr, clk_ntp_to_ns(ev->arrival_ntp));
		break;
	case TSDEMUX_UNIT:
		if (ev->has_ebp && ev->ebp.has_time && ev->pts != PES_NO_TIME)
			stc_mark(&s->stc, ev->pts * 300, clk_ntp_to_ns(ev->ebp.ntp));
		break;
	case TSDEMUX_SECTION:
		if (ev->stream->codec != CODEC_SCTE35 ||
		    (s->o->pid != 0 && ev->stream->pid != s->o->pid))
			break;
		if (s->stc.utc_ns == STC_NO_TIME && s->demux.clock == TSDEMUX_NOT_LIVE)
			s->live = false;
		show_section(s, ev->data, ev->len, ev->stream->pid);
		break;
	case TSDEMUX_STREAMS:
		break;
	}
}

static void
take_stream(struct show *s)
{
	struct tsdemux_event ev;
	size_t pos = 0, used;
	int r;

	while ((r = tsdemux_next(&s->demux, s->in + pos, s->len - pos, &used, &ev)) == 1) {
		pos += used;
		take_event(s, &ev);
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read the stream");
	pos += used;
	s->len -= pos;
	memmove(s->in, s->in + pos, s->len);
}

/* ---- sections by themselves */

/* As base64 or hexadecimal, with or without 0x; false if it is neither. */
static bool
show_text(struct show *s, const char *text, size_t len)
{
	uint8_t bytes[SCTE35_SECTION_MAX];
	int got = splice_decode(text, len, bytes, sizeof(bytes));

	if (got <= 0)
		return false;
	show_section(s, bytes, (size_t)got, 0);
	return true;
}

static void
take_lines(struct show *s)
{
	char *line = (char *)s->in, *end;
	size_t left = s->len;

	while ((end = memchr(line, '\n', left)) != NULL || (s->demux.eof && left > 0)) {
		size_t len = end != NULL ? (size_t)(end - line) : left, all = len + (end != NULL);

		while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
			len--;
		if (len > 0 && !show_text(s, line, len)) {
			s->wrong++;
			log_warn(0, "'%.*s' is neither base64 nor hexadecimal",
			    (int)(len < 60 ? len : 60), line);
		}
		line += all;
		left -= all;
	}
	memmove(s->in, line, left);
	s->len = left;
}

static void
take_sections(struct show *s)
{
	size_t pos = 0, len;

	while (s->len - pos >= 3) {
		len = ((size_t)(s->in[pos + 1] & 0x0f) << 8 | s->in[pos + 2]) + 3;
		if (s->in[pos] != PSI_TABLE_SCTE35) {
			pos++;
			continue;
		}
		if (s->len - pos < len)
			break;
		show_section(s, s->in + pos, len, 0);
		pos += len;
	}
	s->len -= pos;
	memmove(s->in, s->in + pos, s->len);
}

/* ---- standard input */

enum kind { KIND_OPEN, KIND_STREAM, KIND_SECTIONS, KIND_LINES };

static enum kind
find_kind(struct show *s)
{
	size_t at;

	if (ts_probe(s->in, s->len, s->demux.eof, &at, &s->demux.sync.stride))
		return KIND_STREAM;
	if (s->len > 0 && s->in[0] == PSI_TABLE_SCTE35)
		return KIND_SECTIONS;
	if (s->len > 0 && s->in[0] != TS_SYNC && memchr(s->in, '\n', s->len) != NULL &&
	    memchr(s->in, '\0', s->len) == NULL)
		return KIND_LINES;
	if (s->demux.eof)
		return s->len > 0 && memchr(s->in, '\0', s->len) == NULL ? KIND_LINES :
		    KIND_STREAM;
	return s->len > READ_MAX / 2 ? KIND_STREAM : KIND_OPEN;
}

static void
read_input(struct show *s)
{
	enum kind kind = KIND_OPEN;
	ssize_t n;

	while (!s->demux.eof) {
		n = io_read(STDIN_FILENO, s->in + s->len, READ_MAX - s->len);
		if (n < 0 && n != -EINTR)
			fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
		s->demux.eof = n <= 0;
		s->len += n > 0 ? (size_t)n : 0;
		if (kind == KIND_OPEN)
			kind = find_kind(s);
		if (kind == KIND_STREAM)
			take_stream(s);
		else if (kind == KIND_SECTIONS)
			take_sections(s);
		else if (kind == KIND_LINES)
			take_lines(s);
		if (s->len == READ_MAX)
			s->len = 0;	/* a line without end */
	}
	if (kind == KIND_STREAM && s->demux.sync.packets == 0)
		fatal(EXIT_INPUT, 0, "neither transport stream nor sections on standard input");
}

int
cue_show(const struct cue_options *o)
{
	static struct show s;
	struct stat st;

	s.o = o;
	stc_init(&s.stc);
	for (int i = 0; i < o->nsection; i++)
		if (!show_text(&s, o->section[i], strlen(o->section[i])))
			fatal(EXIT_USAGE, 0, "'%s' is neither base64 nor hexadecimal",
			    o->section[i]);
	if (o->nsection > 0)
		return s.cues > 0 && s.wrong == 0 ? EXIT_SUCCESS : EXIT_INPUT;
	s.live = fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
	if ((s.in = malloc(READ_MAX)) == NULL || tsdemux_init(&s.demux) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot start");
	s.demux.bad_sections = o->damaged;
	read_input(&s);
	s.wrong += s.demux.crc_errors;
	log_info("cues=%" PRIu64 " wrong=%" PRIu64, s.cues, s.wrong);
	tsdemux_free(&s.demux);
	free(s.in);
	return EXIT_SUCCESS;
}
