#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "encode/burn.h"
#include "lib/base/log.h"
#include "lib/media/pes.h"
#include "lib/media/psi.h"

#define DESC_SUBTITLING	0x59
#define DATA_IDENTIFIER	0x20		/* EN 300 743 7.1 */
#define SYNC_BYTE	0x0f
#define SLACK		450		/* 5 ms: pictures are on a grid */
#define CANVAS_W	4096		/* no screen is larger */
#define CANVAS_H	2304

#define TIMEOUT		(INT64_C(60) * 90000)	/* of one that names none */

/* ---- which */

/* 0x102 or 258 */
static uint16_t
parse_pid(const char *arg)
{
	bool hex = strncmp(arg, "0x", 2) == 0;
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	const char *number = hex ? arg + 2 : arg;
	unsigned long pid = 0;

	if (number[0] != '\0' && strspn(number, digits) == strlen(number))
		pid = strtoul(number, NULL, hex ? 16 : 10);
	if (pid < 16 || pid > 8190)
		fatal(EXIT_USAGE, 0, "--burn-subtitles '%s' is neither a PID nor a language", arg);
	return (uint16_t)pid;
}

void
burn_parse(struct burn_spec *s, const char *arg)
{
	*s = (struct burn_spec){ .pid = 0 };
	if (strlen(arg) == 3 && strspn(arg, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3)
		memcpy(s->language, arg, 3);
	else
		s->pid = parse_pid(arg);
}

bool
burn_wanted(const struct burn_spec *s)
{
	return s->pid != 0 || s->language[0] != '\0';
}

bool
burn_is(const struct burn_spec *s, uint16_t pid, const uint8_t *desc, size_t desc_len,
    uint8_t ids[static 4])
{
	size_t len = 0;
	const uint8_t *p = desc_find(desc, desc_len, DESC_SUBTITLING, &len);

	if (s->pid != 0 && s->pid != pid)
		return false;
	for (; p != NULL && len >= 8; p += 8, len -= 8)
		if (s->pid != 0 || strncasecmp((const char *)p, s->language, 3) == 0) {
			memcpy(ids, p + 4, 4);
			return true;
		}
	return false;
}

bool
burn_language(const uint8_t *desc, size_t desc_len, unsigned i, char language[static 4])
{
	size_t len = 0;
	const uint8_t *p = desc_find(desc, desc_len, DESC_SUBTITLING, &len);

	if (p == NULL || len / 8 <= i)
		return false;
	memcpy(language, p + 8 * i, 3);
	language[3] = '\0';
	return true;
}

int
burn_open(struct burn *b, const uint8_t ids[static 4])
{
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_DVB_SUBTITLE);
	int err;

	if (b->ctx != NULL && memcmp(b->ids, ids, sizeof(b->ids)) == 0)
		return 0;
	avcodec_free_context(&b->ctx);
	if (codec == NULL || (b->ctx = avcodec_alloc_context3(codec)) == NULL)
		return AVERROR(ENOSYS);
	memcpy(b->ids, ids, sizeof(b->ids));
	b->ctx->extradata = av_mallocz(sizeof(b->ids) + AV_INPUT_BUFFER_PADDING_SIZE);
	if (b->ctx->extradata == NULL)
		return AVERROR(ENOMEM);
	memcpy(b->ctx->extradata, ids, sizeof(b->ids));
	b->ctx->extradata_size = sizeof(b->ids);
	err = avcodec_open2(b->ctx, codec, NULL);
	if (err < 0)
		avcodec_free_context(&b->ctx);
	return err;
}

/* ---- screens */

static void
free_screen(struct burn_screen *s)
{
	for (unsigned i = 0; i < s->canvas.n; i++)
		free(s->canvas.rect[i].pixel);
	free(s);
}

static void
drop(struct burn *b, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		if (b->made == b->screen[i])
			b->made = NULL;
		free_screen(b->screen[i]);
	}
	b->n -= n;
	for (unsigned i = from; i < b->n; i++)
		b->screen[i] = b->screen[i + n];
}

void
burn_clear(struct burn *b)
{
	drop(b, 0, b->n);
}

void
burn_free(struct burn *b)
{
	drop(b, 0, b->n);
	avcodec_free_context(&b->ctx);
	subdraw_free(&b->draw);
	scaler_free(&b->room);
}

static bool
copy_rect(struct subdraw_rect *to, const AVSubtitleRect *r)
{
	if (r->type != SUBTITLE_BITMAP || r->w <= 0 || r->h <= 0 || r->data[0] == NULL ||
	    r->data[1] == NULL || (to->pixel = malloc((size_t)r->w * (size_t)r->h)) == NULL)
		return false;
	to->x = r->x;
	to->y = r->y;
	to->width = r->w;
	to->height = r->h;
	for (int y = 0; y < r->h; y++)
		memcpy(to->pixel + (size_t)y * (size_t)r->w, r->data[0] + (ptrdiff_t)y *
		    r->linesize[0], (size_t)r->w);
	memset(to->palette, 0, sizeof(to->palette));
	memcpy(to->palette, r->data[1], (size_t)(r->nb_colors < 256 ? r->nb_colors : 256) * 4);
	return true;
}

/* What was to come from then on does not. */
static void
add_screen(struct burn *b, const AVSubtitle *sub, int64_t t)
{
	struct burn_screen *s;
	unsigned n = b->n;

	if (b->ctx->width > CANVAS_W || b->ctx->height > CANVAS_H) {
		b->errors++;
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return;
	s->begin = t;
	s->end = t + (sub->end_display_time > 0 && sub->end_display_time < UINT32_MAX ?
	    (int64_t)sub->end_display_time * 90 : TIMEOUT);
	s->canvas.width = b->ctx->width > 0 ? b->ctx->width : 720;
	s->canvas.height = b->ctx->height > 0 ? b->ctx->height : 576;
	for (unsigned i = 0; i < sub->num_rects && s->canvas.n < SUBDRAW_RECTS; i++)
		s->canvas.n += copy_rect(&s->canvas.rect[s->canvas.n], sub->rects[i]);
	b->shown += s->canvas.n > 0;
	while (n > 0 && b->screen[n - 1]->begin >= t)
		n--;
	drop(b, n, b->n - n);
	if (b->n == BURN_SCREENS)
		drop(b, 0, 1);
	b->screen[b->n++] = s;
}

void
burn_unit(struct burn *b, const uint8_t *data, size_t len, int64_t t)
{
	AVPacket *pkt = av_packet_alloc();
	AVSubtitle sub;
	int got = 0;

	if (len >= 2 && data[0] == DATA_IDENTIFIER) {
		data += 2;
		len -= 2;
	}
	if (b->ctx == NULL || pkt == NULL || t == PES_NO_TIME || len == 0 ||
	    data[0] != SYNC_BYTE || len > INT32_MAX || av_new_packet(pkt, (int)len) < 0) {
		av_packet_free(&pkt);
		b->errors++;
		return;
	}
	memcpy(pkt->data, data, len);
	if (avcodec_decode_subtitle2(b->ctx, &sub, &got, pkt) < 0)
		b->errors++;
	else if (got) {
		add_screen(b, &sub, t);
		avsubtitle_free(&sub);
	}
	av_packet_free(&pkt);
}

/* ---- pictures */

AVFrame *
burn_frame(struct burn *b, const AVFrame *f, int64_t t)
{
	const struct burn_screen *s;
	unsigned n = 0;
	AVFrame *own;

	while (n < b->n && b->screen[n]->begin <= t + SLACK)
		n++;
	if (n > 1)
		drop(b, 0, n - 1);
	s = n > 0 ? b->screen[0] : NULL;
	if (s == NULL || s->canvas.n == 0 || t >= s->end)
		return NULL;
	if (b->made != s || !subdraw_fits(&b->draw, f)) {
		b->made = s;
		if (!subdraw_make(&b->draw, &s->canvas, f) && !b->unfit) {
			b->unfit = true;
			log_warn(0, "subtitles cannot be drawn into pictures like these");
		}
	}
	if (b->draw.w == 0 || b->draw.luma == NULL)
		return NULL;
	if (b->room.width != f->width || b->room.height != f->height ||
	    (int)b->room.format != f->format) {
		scaler_free(&b->room);
		scaler_init(&b->room, f->width, f->height, f->format);
	}
	own = scaler_new_frame(&b->room);
	if (own == NULL || av_frame_copy(own, f) < 0 || av_frame_copy_props(own, f) < 0) {
		av_frame_free(&own);
		return NULL;
	}
	subdraw_picture(&b->draw, own);
	return own;
}
