#include <string.h>

#include <libavutil/channel_layout.h>

#include "encode/amix.h"

uint64_t
amix_layout(const AVFrame *f)
{
	AVChannelLayout usual = { 0 };

	if (f->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
		return f->ch_layout.u.mask;
	if (f->ch_layout.nb_channels > MIX_ROWS)
		return 0;
	av_channel_layout_default(&usual, f->ch_layout.nb_channels);
	return usual.order == AV_CHANNEL_ORDER_NATIVE ? usual.u.mask : 0;
}

bool
amix_fits(const struct amix *m, const AVFrame *f)
{
	return m->swr != NULL && m->in_layout == amix_layout(f) &&
	    m->in_channels == f->ch_layout.nb_channels &&
	    m->in_rate == f->sample_rate && m->in_format == f->format;
}

/* Which channel of the source a term means, or -1: it has none such. */
static int
channel_of(const struct amix *m, const struct mix_term *t)
{
	if (t->speaker == 0)
		return t->number < m->in_channels ? t->number : -1;
	if ((m->in_layout & t->speaker) == 0)
		return -1;
	return __builtin_popcountll(m->in_layout & (t->speaker - 1));
}

static int
set_matrix(struct amix *m)
{
	static const double none[MIX_ROWS * MIX_CHANNELS];
	double matrix[MIX_ROWS * MIX_CHANNELS];
	int rows = (int)audiospec_channels(m->layout);

	memcpy(matrix, none, sizeof(matrix));
	for (unsigned i = 0; i < m->spec->nterm; i++) {
		const struct mix_term *t = &m->spec->term[i];
		int c = channel_of(m, t);

		if (c >= 0)
			matrix[t->row * m->in_channels + c] += t->factor;
	}
	for (int i = 0; m->spec->nterm == 0 && i < rows && i < m->in_channels; i++)
		matrix[i * m->in_channels + i] = 1;
	return swr_set_matrix(m->swr, matrix, m->in_channels);
}

/* swresample knows the speakers at the sides and behind each by its name. */
static void
set_layouts(const struct amix *m, AVChannelLayout *from, AVChannelLayout *to)
{
	bool counted = m->in_layout == 0;

	if (counted)
		*from = (AVChannelLayout){
			.order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = m->in_channels,
		};
	else
		av_channel_layout_from_mask(from, m->in_layout);
	av_channel_layout_from_mask(to, m->layout);
}

bool
amix_open(struct amix *m, const AVFrame *f)
{
	AVChannelLayout to = { 0 }, from = { 0 };

	swr_free(&m->swr);
	m->in_layout = amix_layout(f);
	m->in_channels = f->ch_layout.nb_channels;
	m->in_rate = f->sample_rate;
	m->in_format = f->format;
	if (m->in_channels < 1 || m->in_channels > MIX_CHANNELS)
		return false;
	set_layouts(m, &from, &to);
	if (swr_alloc_set_opts2(&m->swr, &to, AV_SAMPLE_FMT_FLTP, (int)m->spec->hz, &from,
	    (enum AVSampleFormat)f->format, f->sample_rate, 0, NULL) < 0 ||
	    ((m->spec->nterm > 0 || m->in_layout == 0) && set_matrix(m) < 0) ||
	    swr_init(m->swr) < 0)
		swr_free(&m->swr);
	return m->swr != NULL;
}

void
amix_restart(struct amix *m)
{
	if (m->swr != NULL && swr_init(m->swr) < 0)
		swr_free(&m->swr);
}

int
amix_run(struct amix *m, const AVFrame *f, uint8_t *data[static MIX_ROWS])
{
	int room, n;

	data[0] = NULL;
	if (m->swr == NULL)
		return 0;
	room = swr_get_out_samples(m->swr, f != NULL ? f->nb_samples : 0) + 256;
	if (room < 256 || av_samples_alloc(data, NULL, (int)audiospec_channels(m->layout), room,
	    AV_SAMPLE_FMT_FLTP, 0) < 0)
		return 0;
	n = swr_convert(m->swr, data, room, f != NULL ?
	    (const uint8_t **)(uintptr_t)f->extended_data : NULL,
	    f != NULL ? f->nb_samples : 0);
	return n > 0 ? n : 0;
}

int64_t
amix_delay(const struct amix *m)
{
	return m->swr != NULL ? swr_get_delay(m->swr, m->spec->hz) : 0;
}

bool
amix_compensate(struct amix *m, int samples, int distance)
{
	return m->swr != NULL && swr_set_compensation(m->swr, samples, distance) >= 0;
}

void
amix_close(struct amix *m)
{
	swr_free(&m->swr);
}
