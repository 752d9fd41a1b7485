/*
 * cuein CUES <in.ts >out.ts - add SCTE-35 messages, and ID3 tags, to a stream.
 *
 * A line of the file CUES is "AT SPLICE JSON": before the first access unit of video
 * that is decoded AT ticks of 90 kHz after the first picture is shown, the message of
 * that JSON (scte35.h) comes on PID 500; SPLICE, if it is not "-", is when it takes
 * effect, counted in the same way, or with = before it the PTS itself.  "AT SPLICE ID3
 * TEXT" is a tag with this text on PID 501.  The stream is muxed anew, its times stay.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/media/scte35.h"
#include "lib/media/tsmux.h"
#include "t/helper/events.h"

#define CUES	4096

struct cue {
	int64_t	 at;
	char	*splice, *json;
};

static struct tsmux mux;
static struct tsmux_stream *pid, *tags;
static struct cue cue[CUES];
static unsigned ncue, next;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "cuein: '%s': %s\n", what, why);
	exit(1);
}

static void
read_cues(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[4096], *rest, *word;

	if (f == NULL)
		fail(path, "cannot open it");
	while (ncue < CUES && fgets(line, sizeof(line), f) != NULL) {
		struct cue *c = &cue[ncue];

		line[strcspn(line, "\n")] = '\0';
		rest = line;
		word = strsep(&rest, " ");
		c->at = strtoll(word, NULL, 10);
		word = strsep(&rest, " ");
		if (rest == NULL)
			fail(line, "not AT SPLICE JSON");
		c->splice = strdup(word);
		c->json = strdup(rest);
		ncue++;
	}
	fclose(f);
}

static void
set_time(struct scte35 *s, uint64_t pts)
{
	struct scte35_time t = { .specified = true, .pts = pts & (PES_WRAP - 1) };

	if (s->command == SCTE35_TIME_SIGNAL) {
		s->signal = t;
		return;
	}
	s->insert.immediate = false;
	s->insert.time = t;
	for (unsigned i = 0; i < s->insert.ncomponent; i++)
		s->component[s->insert.component + i].time = t;
}

/* ID3v2.4 4.2.6: a TXXX frame in UTF-8, without a description. */
static void
put_tag(const char *text, int64_t pts)
{
	size_t len = strlen(text) + 3;
	uint8_t tag[128] = { 'I', 'D', '3', 4, 0, 0, 0, 0, 0, (uint8_t)(len + 10),
		'T', 'X', 'X', 'X', 0, 0, 0, (uint8_t)len, 0, 0, 3, 0 };

	if (len > 64)
		fail(text, "too long");
	memcpy(tag + 22, text, len - 2);
	tsmux_put(&mux, tags, &(struct tsmux_unit){
		.data = tag, .len = 20 + len, .pts = pts, .dts = PES_NO_TIME,
	});
}

static void
put_cue(const struct cue *c, int64_t first)
{
	static struct scte35 s;
	static uint8_t section[SCTE35_SECTION_MAX];
	const char *why = "no JSON";
	json_t *o;
	int n;

	if (strncmp(c->json, "ID3 ", 4) == 0) {
		put_tag(c->json + 4, first + strtoll(c->splice, NULL, 10));
		return;
	}
	o = json_loads(c->json, 0, NULL);
	if (o == NULL || scte35_from_json(o, &s, &why) < 0)
		fail(c->json, why);
	if (c->splice[0] == '=')
		set_time(&s, strtoull(c->splice + 1, NULL, 10));
	else if (c->splice[0] != '-' || c->splice[1] != '\0')
		set_time(&s, (uint64_t)(first + strtoll(c->splice, NULL, 10)) -
		    s.pts_adjustment);
	n = scte35_put(&s, section, sizeof(section));
	json_decref(o);
	if (n < 0 || tsmux_put_section(&mux, pid, PES_NO_TIME, section, (size_t)n) < 0)
		fail(c->json, "cannot be written");
}

static void
take(struct tsdemux *d, const struct tsdemux_event *ev, void *arg)
{
	int64_t *first = arg;

	if (ev->type == TSDEMUX_STREAMS)
		for (unsigned i = 0; i < d->nstream; i++)
			if (d->stream[i]->user == NULL)
				d->stream[i]->user = tsmux_add_stream(&mux,
				    d->stream[i]->pid, d->stream[i]->stream_type,
				    codec_kind(d->stream[i]->codec) == KIND_VIDEO ?
				    PES_VIDEO : PES_AUDIO, 1);
	if (ev->type != TSDEMUX_UNIT || ev->pts == PES_NO_TIME)
		return;
	if (codec_kind(ev->stream->codec) == KIND_VIDEO) {
		if (*first == PES_NO_TIME)
			*first = ev->pts;
		while (next < ncue && ev->dts - *first >= cue[next].at)
			put_cue(&cue[next++], *first);
	}
	tsmux_put(&mux, ev->stream->user, &(struct tsmux_unit){
		.data = ev->data, .len = ev->len, .pts = ev->pts, .dts = ev->dts,
		.random_access = ev->random_access,
	});
	if (io_write(STDOUT_FILENO, mux.out, mux.len) < 0)
		exit(1);
	tsmux_clear(&mux);
}

int
main(int argc, char *argv[])
{
	int64_t first = PES_NO_TIME;

	if (argc != 2)
		return 2;
	read_cues(argv[1]);
	tsmux_init(&mux);
	tsmux_add_program(&mux, 1, 0x1000, 256);
	desc_put(mux.program[0].desc, sizeof(mux.program[0].desc), &mux.program[0].desc_len,
	    DESC_REGISTRATION, "CUEI", 4);
	pid = tsmux_add_stream(&mux, 500, 0x86, 0, 1);
	for (unsigned i = 0; i < ncue && tags == NULL; i++)
		if (strncmp(cue[i].json, "ID3 ", 4) == 0)
			tags = tsmux_add_stream(&mux, 501, 0x15, PES_PRIVATE_1, 1);
	if (!each_event(take, &first))
		return 1;
	tsmux_free(&mux);
	return 0;
}
