/*
 * A stream in three parts, made into MP4 and CMAF: of what is read before a cut, in a
 * piece and behind it no sample is there twice, sizes are those of the files, headers
 * fit where they are said to, and each file has a name of its own.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "encode/assemble.c"
#include "encode/assemblecmaf.c"
#include "encode/remux.c"
#include "encode/remuxtimes.c"
#include "lib/media/mp4read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CUT	10			/* bytes that say where it is cut, and how */

static void
check_tracks(const struct remux *m)
{
	for (unsigned i = 0; i < m->ntrack; i++) {
		const struct remux_track *w = m->track[i];
		struct stat st;
		uint64_t sum = 0;

		for (size_t k = 0; k < w->track.n; k++) {
			sum += w->track.sample[k].len;
			if (w->track.sample[k].config >= REMUX_CONFIGS)
				abort();
		}
		if (fstat(w->fd, &st) < 0 || (uint64_t)st.st_size != sum)
			abort();
	}
}

static void
check_files(const struct remux *m, bool cmaf)
{
	static struct mp4_init init;
	struct assemble_file *f = NULL;
	int n = assemble_plan(m, cmaf, &f);

	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			if (strcmp(f[i].tag, f[k].tag) == 0)
				abort();
	for (int i = 0; i < n; i++) {
		int fd = memfd_create("file", 0), r = assemble_put(m, cmaf, &f[i], 1, fd);
		off_t size = lseek(fd, 0, SEEK_END);
		uint8_t *p = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0) :
		    MAP_FAILED;

		if (r == -ENOSPC)
			abort();
		if (r == 0 && p == MAP_FAILED)
			abort();
		if (r == 0 && mp4_init_parse(p, (size_t)size, &init) != (cmaf ? 0 : -ENOTSUP))
			abort();
		if (p != MAP_FAILED)
			munmap(p, (size_t)size);
		close(fd);
	}
	free(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int dir = -1;
	struct remux_config c = { .t = 900000 };
	struct remux m;
	size_t a, b;

	if (dir < 0)
		dir = open("/tmp", O_RDONLY | O_DIRECTORY);
	if (len < CUT)
		return 0;
	c.dir = dir;
	c.begin.known = data[0] & 1;
	c.end.known = data[0] >> 1 & 1;
	c.begin.forced = data[0] >> 2 & 1;
	c.begin.open = data[0] >> 3 & 1;
	c.end.forced = data[0] >> 4 & 1;
	c.not_before_0 = data[0] >> 5 & 1;
	c.begin.time = (int64_t)data[2] << 25 | data[3] << 17 | data[4] << 9;
	c.end.time = (int64_t)data[5] << 25 | data[6] << 17 | data[7] << 9;
	a = CUT + (len - CUT) * data[8] / 256;
	b = a + (len - a) * data[9] / 256;
	if (remux_init(&m, &c) < 0)
		abort();
	if (remux_take(&m, REMUX_BEFORE, data + CUT, a - CUT) == 0 &&
	    remux_take(&m, REMUX_PIECE, data + a, b - a) == 0 &&
	    remux_take(&m, REMUX_AFTER, data + b, len - b) == 0 &&
	    remux_end(&m, true) == 0) {
		check_tracks(&m);
		check_files(&m, false);
		check_files(&m, true);
	}
	remux_free(&m);
	return 0;
}
