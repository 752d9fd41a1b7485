#include <errno.h>
#include <string.h>

#include "lib/media/hlsvariant.h"

static int
parse_resolution(const struct hls_attr *a, struct hls_variant *v)
{
	const char *x = memchr(a->value, 'x', a->len);

	if (x == NULL)
		return -EBADMSG;
	if (hls_integer(a->value, (size_t)(x - a->value), 1 << 20, &v->width) < 0)
		return -EBADMSG;
	return hls_integer(x + 1, a->len - (size_t)(x + 1 - a->value), 1 << 20,
	    &v->height);
}

/* "25", "29.970", "59.94": the rates of television become exact. */
static void
parse_rate(const struct hls_attr *a, struct rational *rate)
{
	char s[24];
	size_t len = a->len;

	if (len >= sizeof(s))
		return;
	memcpy(s, a->value, len);
	s[len] = '\0';
	if (strchr(s, '/') != NULL || !rational_parse(s, rate))
		*rate = (struct rational){ 0, 1 };
}

int
hls_variant_parse(struct hls_variant *v, const char *list)
{
	struct hls_attr a;
	int r, bad = 0;

	v->uri = v->codecs = v->video_range = v->audio = v->video = v->subtitles =
	    v->closed_captions = "";
	v->rate.den = 1;
	while ((r = hls_attr_next(&list, &a)) > 0) {
		if (hls_attr_is(&a, "BANDWIDTH"))
			bad |= hls_integer(a.value, a.len, HLS_NUMBER_MAX, &v->bandwidth);
		else if (hls_attr_is(&a, "AVERAGE-BANDWIDTH"))
			bad |= hls_integer(a.value, a.len, HLS_NUMBER_MAX,
			    &v->average_bandwidth);
		else if (hls_attr_is(&a, "RESOLUTION"))
			bad |= parse_resolution(&a, v);
		else if (hls_attr_is(&a, "FRAME-RATE"))
			parse_rate(&a, &v->rate);
		else if (hls_attr_is(&a, "CODECS"))
			v->codecs = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "VIDEO-RANGE"))
			v->video_range = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "AUDIO"))
			v->audio = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "VIDEO"))
			v->video = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "SUBTITLES"))
			v->subtitles = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "CLOSED-CAPTIONS") && a.quoted)
			v->closed_captions = hls_attr_keep(&a);
		else if (hls_attr_is(&a, "URI") && v->iframes)
			v->uri = hls_attr_keep(&a);
	}
	if (v->iframes && *v->uri == '\0')
		return -EBADMSG;
	return r < 0 ? r : bad;
}

int
hls_rendition_parse(struct hls_rendition *m, const char *list)
{
	struct hls_attr a;
	bool typed = false;
	int r;

	m->group = m->name = m->language = m->channels = m->characteristics =
	    m->instream_id = "";
	while ((r = hls_attr_next(&list, &a)) > 0) {
		if (hls_attr_is(&a, "TYPE")) {
			typed = true;
			if (hls_attr_says(&a, "AUDIO"))
				m->type = HLS_AUDIO;
			else if (hls_attr_says(&a, "VIDEO"))
				m->type = HLS_VIDEO;
			else if (hls_attr_says(&a, "SUBTITLES"))
				m->type = HLS_SUBTITLES;
			else if (hls_attr_says(&a, "CLOSED-CAPTIONS"))
				m->type = HLS_CLOSED_CAPTIONS;
			else
				return 1;	/* of a kind to come: left out */
		} else if (hls_attr_is(&a, "URI")) {
			m->uri = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "GROUP-ID")) {
			m->group = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "NAME")) {
			m->name = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "LANGUAGE")) {
			m->language = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "CHANNELS")) {
			m->channels = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "CHARACTERISTICS")) {
			m->characteristics = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "INSTREAM-ID")) {
			m->instream_id = hls_attr_keep(&a);
		} else if (hls_attr_is(&a, "DEFAULT")) {
			m->is_default = hls_attr_says(&a, "YES");
		} else if (hls_attr_is(&a, "AUTOSELECT")) {
			m->autoselect = hls_attr_says(&a, "YES");
		} else if (hls_attr_is(&a, "FORCED")) {
			m->forced = hls_attr_says(&a, "YES");
		}
	}
	return r < 0 || !typed ? -EBADMSG : 0;
}
