#include <errno.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>

#include "encode/slate.h"
#include "lib/base/log.h"

#define BYTES_MAX	(64 << 20)
#define SIDE_MAX	16384		/* pixels */
#define BLACK		16		/* pixels a side: it is scaled */

static void
fatal_memory(void)
{
	fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a picture");
}

static AVFrame *
black(void)
{
	AVFrame *f = av_frame_alloc();
	ptrdiff_t linesize[4] = { 0 };

	if (f == NULL)
		fatal_memory();
	f->width = f->height = BLACK;
	f->format = AV_PIX_FMT_YUV420P;
	f->color_range = AVCOL_RANGE_MPEG;
	if (av_frame_get_buffer(f, 0) < 0)
		fatal_memory();
	for (int i = 0; i < 4; i++)
		linesize[i] = f->linesize[i];
	av_image_fill_black(f->data, linesize, AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, BLACK,
	    BLACK);
	return f;
}

/* All of the file, as a packet, or NULL and errno. */
static AVPacket *
read_file(const char *path)
{
	AVPacket *pkt;
	FILE *f = fopen(path, "rbe");
	size_t n = 0, len = 0;

	if (f == NULL)
		return NULL;
	pkt = av_packet_alloc();
	if (pkt == NULL)
		fatal_memory();
	do {
		if (av_grow_packet(pkt, 1 << 16) < 0)
			fatal_memory();
		n = fread(pkt->data + len, 1, 1 << 16, f);
		len += n;
	} while (n > 0 && len < BYTES_MAX);
	if (ferror(f))
		av_packet_free(&pkt);
	fclose(f);
	if (pkt != NULL)
		av_shrink_packet(pkt, (int)len);
	return pkt;
}

static const AVCodec *
codec_of(const AVPacket *pkt)
{
	if (pkt->size > 8 && memcmp(pkt->data, "\x89PNG\r\n\x1a\n", 8) == 0)
		return avcodec_find_decoder(AV_CODEC_ID_PNG);
	if (pkt->size > 3 && memcmp(pkt->data, "\xff\xd8\xff", 3) == 0)
		return avcodec_find_decoder(AV_CODEC_ID_MJPEG);
	return NULL;
}

static AVFrame *
decode(const AVCodec *codec, const AVPacket *pkt)
{
	AVCodecContext *c = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
	AVFrame *f = av_frame_alloc();
	bool good;

	if (f == NULL)
		fatal_memory();
	if (c != NULL)
		c->thread_count = 1;
	good = c != NULL && avcodec_open2(c, codec, NULL) >= 0 &&
	    avcodec_send_packet(c, pkt) >= 0 && avcodec_send_packet(c, NULL) >= 0 &&
	    avcodec_receive_frame(c, f) >= 0 &&
	    f->width <= SIDE_MAX && f->height <= SIDE_MAX && f->decode_error_flags == 0;
	avcodec_free_context(&c);
	if (!good)
		av_frame_free(&f);
	return f;
}

int
slate_load(const char *path, AVFrame **f)
{
	AVPacket *pkt;

	errno = 0;
	pkt = read_file(path);
	if (pkt == NULL)
		return errno != 0 ? -errno : -EIO;
	*f = decode(codec_of(pkt), pkt);
	av_packet_free(&pkt);
	return *f != NULL ? 0 : -EBADMSG;
}

AVFrame *
slate_read(const char *path)
{
	AVFrame *f = NULL;
	int err;

	if (strcmp(path, "black") == 0)
		return black();
	err = slate_load(path, &f);
	if (err == -EBADMSG)
		fatal(EXIT_USAGE, 0, "'%s' is no picture in PNG or JPEG", path);
	if (err < 0)
		fatal(EXIT_USAGE, -err, "cannot open '%s'", path);
	return f;
}
