#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "ingest/avin.h"
#include "ingest/avtrack.h"
#include "lib/base/log.h"

#define IO_SIZE		65536
#define QUEUE_TIME	(3 * 90000)	/* read ahead at most, when sorting */
#define QUEUE_BYTES	(64 << 20)

struct node {			/* a packet that waits for its turn */
	struct node *next;
	AVPacket *pkt;
	int64_t	dts;
};

#define RTP_WAIT	(AV_TIME_BASE / 2)	/* for datagrams that are out of order */

struct avin {
	struct avin_input in;
	const char *name;
	bool	 sorted, announced, ended, told, told_end, corrupt;
	AVFormatContext *fmt;
	AVIOContext *io;
	unsigned ntrack;
	struct avtrack track[SOURCE_STREAMS_MAX];
	struct queue {
		struct node *head, **tail;
		struct node **unshown;	/* where the pictures begin that an edit list
					 * hides and no shown one follows, or NULL */
		unsigned nunshown;
	} queue[SOURCE_STREAMS_MAX];
	size_t	 queued;		/* bytes */
	int64_t	 newest;		/* dts read */
	AVPacket *pkt;			/* lent to the event */
	struct source_stream streams[SOURCE_STREAMS_MAX];
};

/*
 * The first error since avin_open() that libavformat told its log in this thread: of
 * TLS and RTMP it says there what is wrong, and returns EIO.
 */
static _Thread_local char reason[160];

PRINTFLIKE(3, 0) static void
keep_reason(void *opaque, int level, const char *format, va_list args)
{
	(void)opaque;
	if (level > AV_LOG_ERROR || *reason != '\0')
		return;
	vsnprintf(reason, sizeof(reason), format, args);
	reason[strcspn(reason, "\n")] = '\0';
	if (*reason != '\0' && reason[strlen(reason) - 1] == '.')
		reason[strlen(reason) - 1] = '\0';
}

const char *
avin_reason(void)
{
	return reason;
}

static int
read_packet(void *opaque, uint8_t *buf, int size)
{
	struct avin *a = opaque;
	int r = a->in.read(a->in.opaque, buf, size);

	return r > 0 ? r : r == 0 ? AVERROR_EOF : AVERROR(-r);
}

static int64_t
seek_packet(void *opaque, int64_t offset, int whence)
{
	struct avin *a = opaque;

	if ((whence & AVSEEK_SIZE) != 0) {
		int64_t here = a->in.seek(a->in.opaque, 0, SEEK_CUR);
		int64_t size = a->in.seek(a->in.opaque, 0, SEEK_END);

		a->in.seek(a->in.opaque, here, SEEK_SET);
		return size;
	}
	return a->in.seek(a->in.opaque, offset, whence & ~AVSEEK_FORCE);
}

static int
interrupted(void *opaque)
{
	struct avin *a = opaque;

	return a->in.interrupted != NULL && a->in.interrupted(a->in.opaque);
}

static int
to_errno(int averror)
{
	switch (averror) {
	case AVERROR_INVALIDDATA:
	case AVERROR_DEMUXER_NOT_FOUND:
	case AVERROR_STREAM_NOT_FOUND:
		return -EINVAL;
	case AVERROR_EXIT:
		return -EINTR;
	case AVERROR_EOF:
		return -EPIPE;
	default:
		return averror > -4096 && averror < 0 ? averror : -EIO;
	}
}

/* What we know how to carry; the video decides, the rest is left out. */
static int
choose_streams(struct avin *a)
{
	unsigned unusable = 0;

	for (unsigned i = 0; i < a->fmt->nb_streams; i++) {
		AVStream *st = a->fmt->streams[i];
		struct avtrack *t = &a->track[a->ntrack];
		enum AVMediaType type = st->codecpar->codec_type;

		st->discard = AVDISCARD_ALL;
		if ((st->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0 ||
		    (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO))
			continue;
		if (a->ntrack == SOURCE_STREAMS_MAX)
			break;
		if (!avtrack_init(t, a->fmt, st, a->name)) {
			const char *codec = avcodec_get_name(st->codecpar->codec_id);

			if (type == AVMEDIA_TYPE_VIDEO)
				fatal(EXIT_INPUT, 0, "'%s' has %s video, which a "
				    "transport stream cannot carry", a->name, codec);
			log_warn(0, "'%s' has %s audio, which a transport stream cannot "
			    "carry: left out", a->name, codec);
			unusable++;
			continue;
		}
		st->discard = AVDISCARD_DEFAULT;
		t->by_order = a->in.transport != NULL && type == AVMEDIA_TYPE_VIDEO;
		a->queue[a->ntrack].tail = &a->queue[a->ntrack].head;
		a->streams[a->ntrack] = t->info;
		a->ntrack++;
	}
	if (a->ntrack == 0)
		fatal(EXIT_INPUT, 0, unusable > 0 ? "'%s' has nothing else" :
		    "'%s' has neither video nor audio", a->name);
	return 0;
}

static int
open_input(struct avin *a)
{
	AVDictionary *opt = NULL;
	int r;

	a->fmt = avformat_alloc_context();
	if (a->fmt == NULL)
		return -ENOMEM;
	if (a->in.url == NULL) {
		uint8_t *buf = av_malloc(IO_SIZE);

		a->io = buf == NULL ? NULL : avio_alloc_context(buf, IO_SIZE, 0, a,
		    read_packet, NULL, a->in.seek != NULL ? seek_packet : NULL);
		if (a->io == NULL)
			return -ENOMEM;
		a->fmt->pb = a->io;
		/* A playlist or a list of files is none of ours. */
		av_dict_set(&opt, "format_whitelist",
		    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,mpeg,avi,ogg", 0);
	} else {
		const char *trust = getenv("SSL_CERT_FILE");

		if (a->in.transport != NULL) {
			av_dict_set(&opt, "rtsp_transport", a->in.transport, 0);
			av_dict_set(&opt, "buffer_size", "4194304", 0);
			av_dict_set(&opt, "allowed_media_types", "video+audio", 0);
			a->fmt->max_delay = RTP_WAIT;
		}
		av_dict_set(&opt, "rtmp_live", "live", 0);
		av_dict_set(&opt, "tls_verify", "1", 0);
		if (trust != NULL)
			av_dict_set(&opt, "ca_file", trust, 0);
	}
	a->fmt->interrupt_callback = (AVIOInterruptCB){ interrupted, a };
	r = avformat_open_input(&a->fmt, a->in.url, NULL, &opt);
	av_dict_free(&opt);
	if (r < 0)
		return to_errno(r);
	if (a->in.url != NULL)	/* live: what the header says must do */
		a->fmt->max_analyze_duration = AV_TIME_BASE / 2;
	r = avformat_find_stream_info(a->fmt, NULL);
	return r < 0 ? to_errno(r) : 0;
}

int
avin_open(struct avin **out, const struct avin_input *in, const char *name,
    bool sorted)
{
	struct avin *a = calloc(1, sizeof(*a));
	int r;

	if (a == NULL)
		return -ENOMEM;
	av_log_set_callback(keep_reason);
	*reason = '\0';
	*a = (struct avin){ .in = *in, .name = name, .sorted = sorted,
	    .newest = INT64_MIN };
	a->pkt = av_packet_alloc();
	r = a->pkt == NULL ? -ENOMEM : open_input(a);
	if (r == 0)
		r = choose_streams(a);
	if (r < 0)
		avin_close(a);
	else
		*out = a;
	return r;
}

static void
drop_from(struct avin *a, struct queue *q, struct node **from)
{
	struct node *n, *next;

	for (n = *from; n != NULL; n = next) {
		next = n->next;
		a->queued -= (size_t)n->pkt->size;
		av_packet_free(&n->pkt);
		free(n);
	}
	*from = NULL;
	q->tail = from;
	q->unshown = NULL;
	q->nunshown = 0;
}

static void
drop_queues(struct avin *a)
{
	for (unsigned i = 0; i < a->ntrack; i++)
		drop_from(a, &a->queue[i], &a->queue[i].head);
	a->newest = INT64_MIN;
}

void
avin_close(struct avin *a)
{
	if (a == NULL)
		return;
	drop_queues(a);
	for (unsigned i = 0; i < a->ntrack; i++)
		avtrack_free(&a->track[i]);
	avformat_close_input(&a->fmt);
	if (a->io != NULL)
		av_freep(&a->io->buffer);
	avio_context_free(&a->io);
	av_packet_free(&a->pkt);
	free(a);
}

static struct avtrack *
track_of(struct avin *a, int index, unsigned *place)
{
	for (unsigned i = 0; i < a->ntrack; i++)
		if (a->track[i].st->index == index) {
			*place = i;
			return &a->track[i];
		}
	return NULL;
}

/* The end of the file: is it that of the film?  libavformat returns no error for it. */
static void
check_end(struct avin *a)
{
	if (!a->sorted || a->told_end || (!a->corrupt &&
	    strstr(reason, "partial file") == NULL && strstr(reason, "prematurely") == NULL))
		return;
	log_warn(0, "'%s' is cut short: it ends within a picture or sound", a->name);
	a->told_end = true;
}

/* Read one packet of a track of ours: 1, 0 at the end, or -errno. */
static int
read_one(struct avin *a, AVPacket *pkt, unsigned *place)
{
	for (;;) {
		struct avtrack *t;
		int r;

		*reason = '\0';
		r = av_read_frame(a->fmt, pkt);
		if (r == AVERROR_EOF || r == AVERROR_INVALIDDATA) {
			check_end(a);
			return 0;
		}
		if (r < 0)
			return to_errno(r);
		a->corrupt = (pkt->flags & AV_PKT_FLAG_CORRUPT) != 0;	/* the last one: cut */
		t = track_of(a, pkt->stream_index, place);
		if (t != NULL && pkt->size > 0 && avtrack_time(t, pkt))
			return 1;
		av_packet_unref(pkt);
	}
}

/* The track whose next packet is the first by decoding time, or -1: read on. */
static int
next_in_order(struct avin *a)
{
	bool waiting = false;
	int best = -1;

	for (unsigned i = 0; i < a->ntrack; i++) {
		struct queue *q = &a->queue[i];

		if (q->head == NULL || q->unshown == &q->head)
			waiting = true;
		else if (best < 0 || q->head->dts < a->queue[best].head->dts)
			best = (int)i;
	}
	if (best < 0 || !waiting || a->ended || a->queued > QUEUE_BYTES ||
	    a->newest - a->queue[best].head->dts > QUEUE_TIME)
		return best;
	return -1;
}

/* What the edit list hides is of use to what follows it, and goes along. */
static void
release(struct avin *a, struct queue *q)
{
	if (q->unshown == NULL)
		return;
	if (!a->told)
		log_warn(0, "'%s' hides its first %u pictures by an edit list, which a "
		    "transport stream cannot: they show", a->name, q->nunshown);
	a->told = true;
	q->unshown = NULL;
	q->nunshown = 0;
}

static int
enqueue(struct avin *a, AVPacket *pkt, unsigned place)
{
	struct queue *q = &a->queue[place];
	struct node *n = malloc(sizeof(*n));
	bool hidden = (pkt->flags & AV_PKT_FLAG_DISCARD) != 0 &&
	    codec_kind(a->track[place].info.codec) == KIND_VIDEO;

	if (n == NULL || (n->pkt = av_packet_alloc()) == NULL) {
		free(n);
		return -ENOMEM;
	}
	av_packet_move_ref(n->pkt, pkt);
	n->next = NULL;
	n->dts = n->pkt->dts;
	/* Hidden pictures before another key picture, or at the end, are of no use. */
	if (hidden && (n->pkt->flags & AV_PKT_FLAG_KEY) != 0 && q->unshown != NULL)
		drop_from(a, q, q->unshown);
	if (hidden && q->unshown == NULL)
		q->unshown = q->tail;
	q->nunshown += hidden;
	if (!hidden || a->queued > QUEUE_BYTES)
		release(a, q);
	if (n->dts > a->newest && q->unshown == NULL)
		a->newest = n->dts;
	a->queued += (size_t)n->pkt->size;
	assert(q->tail != NULL);	/* from the start on */
	*q->tail = n;
	q->tail = &n->next;
	return 0;
}

/* As read_one(), but sorted. */
static int
read_sorted(struct avin *a, AVPacket *pkt, unsigned *place)
{
	struct queue *q;
	struct node *n;
	int r, i;

	while ((i = next_in_order(a)) < 0) {
		if (a->ended)
			return 0;
		if ((r = read_one(a, pkt, place)) < 0)
			return r;
		if (r == 0)
			a->ended = true;
		else if ((r = enqueue(a, pkt, *place)) < 0)
			return r;
	}
	q = &a->queue[i];
	n = q->head;
	q->head = n->next;
	if (q->head == NULL)
		q->tail = &q->head;
	if (q->unshown == &n->next)
		q->unshown = &q->head;
	a->queued -= (size_t)n->pkt->size;
	av_packet_move_ref(pkt, n->pkt);
	av_packet_free(&n->pkt);
	free(n);
	*place = (unsigned)i;
	return 1;
}

int
avin_read(struct avin *a, struct source_event *ev)
{
	unsigned place = 0;
	int r;

	if (!a->announced) {
		a->announced = true;
		ev->what = SOURCE_STREAMS;
		ev->streams = a->streams;
		ev->nstream = a->ntrack;
		return 0;
	}
	av_packet_unref(a->pkt);
	do
		r = a->sorted ? read_sorted(a, a->pkt, &place) :
		    read_one(a, a->pkt, &place);
	while (r > 0 && (r = avtrack_unit(&a->track[place], a->pkt, ev)) == 0);
	if (r < 0)
		return r;
	ev->what = r == 0 ? SOURCE_END : SOURCE_UNIT;
	ev->stream = place;
	return 0;
}

int64_t
avin_clock(const struct avin *a)
{
	int64_t us = a->fmt->start_time_realtime;

	return us == AV_NOPTS_VALUE || us <= 0 ? 0 : us * 1000;
}

int
avin_rewind(struct avin *a)
{
	int r;

	if (a->in.seek == NULL)
		return -ESPIPE;
	drop_queues(a);
	a->ended = false;
	r = avformat_seek_file(a->fmt, -1, INT64_MIN, INT64_MIN, INT64_MAX, 0);
	if (r < 0)
		r = av_seek_frame(a->fmt, -1, 0, AVSEEK_FLAG_BACKWARD);
	for (unsigned i = 0; i < a->ntrack; i++)
		avtrack_restart(&a->track[i]);
	return r < 0 ? to_errno(r) : 0;
}
