#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ingest/out.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"

void
out_flush(struct out *o)
{
	int r;

	if (o->len > 0 && o->write != NULL)
		o->write(o->write_arg, o->buf, o->len);
	else if (o->len > 0 && (r = io_write(STDOUT_FILENO, o->buf, o->len)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write to standard output");
	o->len = 0;
}

void
out_put(struct out *o, const uint8_t *p, size_t len)
{
	o->packets += len / TS_PACKET;
	while (len > 0) {
		size_t n = sizeof(o->buf) - o->len;

		if (n > len)
			n = len;
		memcpy(o->buf + o->len, p, n);
		o->len += n;
		p += n;
		len -= n;
		if (o->len == sizeof(o->buf))
			out_flush(o);
	}
}

void
out_anchor(struct out *o, int64_t media, int64_t mono_ns, int64_t utc_ns)
{
	o->anchored = true;
	o->media = media;
	o->mono_ns = mono_ns;
	o->utc_ns = utc_ns;
}

static int64_t
ns_after_anchor(const struct out *o, int64_t media)
{
	return rescale_near(media - o->media, 1000, 27);
}

int64_t
out_due_utc(const struct out *o, int64_t media)
{
	return o->utc_ns + ns_after_anchor(o, media);
}

void
out_wait(struct out *o, int64_t media)
{
	int64_t due, now;

	out_flush(o);
	now = clk_mono_ns();
	if (!o->anchored)
		out_anchor(o, media, now, clk_utc_ns());
	due = o->mono_ns + ns_after_anchor(o, media);
	if (now - due > OUT_LATE) {
		log_warn(0, "late by %" PRId64 " ms, since our reader or source was slow",
		    (now - due) / 1000000);
		o->stalls++;
		out_anchor(o, media, now, clk_utc_ns());
		return;
	}
	while (due - now > CLK_SECOND / 4 && clk_sleep_until(now + CLK_SECOND / 4) == 0) {
		if (o->tick != NULL)
			o->tick(o->tick_arg);
		now = clk_mono_ns();
	}
	clk_sleep_until(due);
}
