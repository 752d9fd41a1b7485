/*
 * A header and fragments behind it: samples lie in their fragment, and no more of
 * them come than there are bytes for; what is read can be written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/mp4mux.h"
#include "lib/media/mp4read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SAMPLES	64

static volatile size_t sum;	/* so that the bytes are read */

static void
write_again(const struct mp4_init *init, const struct mp4_track *t,
    const struct mp4_sample *s, unsigned n)
{
	struct mp4mux_chunk c = { .track_id = t->track_id, .video = true,
		.base_media_decode_time = s[0].dts, .sample = s, .n = n };
	size_t size = mp4mux_chunk_max(&c), media = 0, used, want;
	struct mp4_fragment f;
	const struct mp4_track *u;
	struct mp4_sample r;
	uint8_t *p;
	int head;

	for (unsigned i = 0; i < n; i++)
		media += s[i].len;
	p = calloc(1, size + media);
	head = mp4mux_chunk_put(&c, p, size);
	if (head < 0 ||
	    mp4_fragment_next(init, p, (size_t)head + media, &used, &want, &f) != 1 ||
	    used != (size_t)head + media)
		abort();
	for (unsigned i = 0; i < n; i++)
		if (mp4_sample_next(&f, &u, &r) != 1 || u != t || r.len != s[i].len ||
		    r.duration != s[i].duration || r.cts != s[i].cts ||
		    r.sync != s[i].sync || r.data < p + head)
			abort();
	if (mp4_sample_next(&f, &u, &r) != 0)
		abort();
	free(p);
}

static void
read_fragment(const struct mp4_init *init, struct mp4_fragment *f, const uint8_t *p,
    size_t len)
{
	struct mp4_sample s[SAMPLES], one;
	const struct mp4_track *t, *first = NULL;
	unsigned n = 0;
	size_t all = 0;
	struct mp4_emsg e;
	int r;

	while ((r = mp4_sample_next(f, &t, &one)) > 0) {
		if (one.data < p || one.data + one.len > p + len || ++all > 4 * 65536 + len)
			abort();
		if (one.len > 0)
			sum += one.data[0] + one.data[one.len - 1];
		if (first == NULL)
			first = t;
		if (t == first && n < SAMPLES && one.len < 4096)
			s[n++] = one;
	}
	if (mp4_sample_next(f, &t, &one) != 0)
		abort();
	if (n > 0)
		write_again(init, first, s, n);
	while (mp4_emsg_next(f, &e) > 0)
		sum += strlen(e.scheme_id_uri) + strlen(e.value) +
		    (e.message_len > 0 ? e.message_data[e.message_len - 1] : 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct mp4_init plain = { .n = 2, .track = {
	    { .track_id = 1, .timescale = 90000, .default_size = 7 },
	    { .track_id = 2, .timescale = 48000 } } };
	struct mp4_init init;
	struct mp4_fragment f;
	uint8_t *p = malloc(len + (len == 0));
	size_t pos = 0, used, want, config = 0;
	int r;

	memcpy(p, data, len);
	if (mp4_init_parse(p, len, &init) < 0)
		init = plain;
	for (unsigned i = 0; i < init.n; i++)
		for (size_t k = 0; k < init.track[i].config_len; k++)
			config += init.track[i].config[k];
	while ((r = mp4_fragment_next(&init, p + pos, len - pos, &used, &want, &f)) > 0) {
		if (used == 0 || used > len - pos)
			abort();
		read_fragment(&init, &f, p + pos, used);
		pos += used;
	}
	if (sum == SIZE_MAX || used != 0 || (r == 0 && want <= len - pos) || config == SIZE_MAX)
		abort();
	free(p);
	return 0;
}
