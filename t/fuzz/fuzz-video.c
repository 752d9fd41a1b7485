/*
 * Access units (the first byte says which codec; a byte 0xfe 0xfd ends a unit) and
 * a record: what a struct video writes, it reads, and writes the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/video.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_record(const struct video *v)
{
	static uint8_t record[VIDEO_CONFIG_MAX], again[VIDEO_CONFIG_MAX];
	int n = video_config_put(v, record, sizeof(record));
	struct video w;

	if (n < 0)
		return;
	video_init(&w, v->format.codec);
	if (video_config_parse(&w, record, (size_t)n) < 0 ||
	    strlen(w.format.codec_string) < 9)
		abort();
	/* Which of several SPS is in use is not in a record. */
	if (strcmp(v->format.codec_string, w.format.codec_string) == 0 &&
	    v->format.chroma_format_idc == w.format.chroma_format_idc &&
	    v->format.bit_depth == w.format.bit_depth &&
	    v->format.bit_depth_chroma == w.format.bit_depth_chroma &&
	    (video_config_put(&w, again, sizeof(again)) != n ||
	    memcmp(record, again, (size_t)n) != 0))
		abort();
	video_free(&w);
}

static void
check_unit(struct video *v, const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len + (len == 0)), *sample, *out;
	struct video_unit u;
	size_t size, whole;
	int64_t n;

	memcpy(p, data, len);
	if (video_unit(v, p, len, len % 7 == 6, &u) < 0)
		abort();
	if (u.changed && (v->format.width == 0 || v->format.height == 0 ||
	    v->format.width > v->format.coded_width))
		abort();
	for (unsigned i = 0; i < u.nnal; i++)
		if (u.nal[i].len == 0 || u.nal[i].data < p ||
		    u.nal[i].data + u.nal[i].len > p + len)
			abort();
	size = video_sample_len(v, &u, NAL_DROP_FOR_MP4);
	whole = video_sample_len(v, &u, 0);
	if (size > whole)
		abort();
	sample = malloc(size + (size == 0));
	video_sample_put(v, &u, NAL_DROP_FOR_MP4, sample);
	v->length_size = 4;
	n = video_annexb_put(v, sample, size, u.access == VIDEO_IDR, NULL, 0);
	if (n < 0)
		abort();
	out = malloc((size_t)n);
	if (video_annexb_put(v, sample, size, u.access == VIDEO_IDR, out, (size_t)n) != n)
		abort();
	free(out);
	free(sample);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct video v;
	size_t from = 1;
	uint8_t *p;

	if (len < 1)
		return 0;
	video_init(&v, (data[0] & 1) != 0 ? CODEC_HEVC : CODEC_AVC);
	p = malloc(len);
	memcpy(p, data + 1, len - 1);
	if ((data[0] & 2) != 0 && video_config_parse(&v, p, len - 1) == 0)
		check_record(&v);
	free(p);
	for (size_t i = 1; i <= len; i++)
		if (i == len || (i + 1 < len && data[i] == 0xfe && data[i + 1] == 0xfd)) {
			check_unit(&v, data + from, i - from);
			from = i + 2 < len ? i + 2 : len;
		}
	check_record(&v);
	video_free(&v);
	return 0;
}
