/* A spool: what it has after a crash, its bound, and its journal, which stays small. */
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOURNAL_SLACK	64

#include "encode/journal.c"
#include "encode/piece.c"
#define fsync	fake_fsync
static int fake_fsync(int fd);
#include "encode/spool.c"
#undef fsync
#include "t/tap.h"

#define MANY	160

static char dir[] = "/tmp/spool.XXXXXX";

/* Of a disk that takes its time, for one thread. */
static sem_t began;
static atomic_int ended;
static _Thread_local bool is_slow;
static atomic_bool fails;

static int
fake_fsync(int fd)
{
	int r;

	if (is_slow) {
		sem_post(&began);
		usleep(100000);
	}
	r = fsync(fd);
	if (atomic_exchange(&fails, false)) {
		errno = EIO;
		r = -1;
	}
	atomic_fetch_add(&ended, is_slow);
	return r;
}

static bool
start(struct spool *s, uint64_t max, bool keep)
{
	return spool_init(s, dir, "place", 3600 * CLK_SECOND, max, keep) == 0;
}

/* A whole piece of so many packets: its number, or 0. */
static uint64_t
put(struct spool *s, unsigned packets)
{
	static uint8_t data[64 * 188];
	struct piece p = { .slot = 1, .utc_ns = CLK_SECOND, .timed = true, .pts = 9, .t = 99 };

	if (spool_begin(s, &p) < 0 || spool_write(s, data, packets * 188, packets * 188) < 0)
		return 0;
	p.duration_ns = CLK_SECOND;
	return spool_close(s, &p) < 0 ? 0 : p.number;
}

static bool
deliver(struct spool *s)
{
	static struct piece_file file[2] = { { "-v1", 1000, "ab" }, { "-a1", 50, "cd" } };
	struct piece p;

	if (!spool_next(s, &p, clk_mono_ns()))
		return false;
	snprintf(p.name, sizeof(p.name), "%u.mp4", (unsigned)p.number);
	p.state = PIECE_SENDING;
	p.form = PIECE_CMAF;
	p.nfile = 2;
	p.file = file;
	if (spool_set(s, &p) < 0)
		return false;
	p.state = PIECE_DONE;
	return spool_set(s, &p) == 0;
}

static uint64_t
journal_lines(struct spool *s)
{
	int fd = openat(s->dir, "journal", O_RDONLY);
	char c[4096];
	uint64_t lines = 0;
	ssize_t n;

	while ((n = read(fd, c, sizeof(c))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += c[i] == '\n';
	close(fd);
	return lines;
}

static bool
is_file(struct spool *s, uint64_t number)
{
	int fd = spool_file(s, number);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* As a crash leaves it: nothing more is written. */
static void
crash(struct spool *s)
{
	s->kept = 0;
	s->fd = s->fd >= 0 ? close(s->fd), -1 : -1;
	spool_free(s);
}

static void *
keep_putting(void *arg)
{
	static bool good;

	good = true;
	for (unsigned i = 0; i < MANY / 4; i++)
		good &= put(arg, 1) != 0 && deliver(arg);
	return good ? &good : NULL;
}

static void
test_journal(void)
{
	static struct spool s;
	pthread_t other;
	void *good = NULL;
	bool done = true;
	size_t n = 0;
	uint64_t before;

	ok(start(&s, 0, false), "a spool");
	pthread_mutex_lock(&s.lock);
	s.compacting = true;		/* not by the thread of its own */
	pthread_mutex_unlock(&s.lock);
	for (unsigned i = 0; i < MANY; i++)
		done &= put(&s, 1) == i + 1 && deliver(&s);
	ok(done, "%d pieces come and go", MANY);
	before = journal_lines(&s);
	is(before, 4 * MANY, "four lines each");
	pthread_mutex_lock(&s.lock);
	s.compacting = false;
	text_free(&s.since);
	pthread_mutex_unlock(&s.lock);
	ok(pthread_create(&other, NULL, keep_putting, &s) == 0, "others come");
	while (journal_lines(&s) >= before && journal_compact(&s) == 0)
		usleep(1000);
	ok(s.lines < before, "while the journal is written anew");
	pthread_join(other, &good);
	ok(good != NULL, "and all is well with them");
	ok(journal_lines(&s) < before, "it is smaller");
	is(journal_lines(&s), s.lines, "and counted");
	is(journal_compact(&s), 0, "and stays as it is");
	crash(&s);
	ok(start(&s, 0, false), "another run");
	is(s.list.n, MANY + MANY / 4, "knows all of them");
	for (size_t i = 0; i < s.list.n; i++)
		n += s.list.p[i].state == PIECE_DONE && s.list.p[i].number == i + 1 &&
		    s.list.p[i].nfile == 2 && strcmp(s.list.p[i].file[1].tag, "-a1") == 0 &&
		    s.list.p[i].timed && s.list.p[i].t == 99;
	is(n, MANY + MANY / 4, "as they were");
	is(s.bad_lines, 0, "without a line that is damaged");
	is(s.next, MANY + MANY / 4 + 1, "and goes on with the next number");
	spool_free(&s);
}

static void
test_kept(void)
{
	static struct spool s;
	struct piece p;
	bool growing;
	uint64_t a, b;

	ok(start(&s, 0, true), "a spool that keeps what was delivered");
	a = put(&s, 5);
	is(spool_after(&s, a, &p, &growing), 0, "what comes behind it is not known");
	b = put(&s, 7);
	is(spool_after(&s, a, &p, &growing), 1, "until it comes");
	is(p.held, 7 * 188, "with its bytes");
	ok(!growing, "all of them");
	ok(!spool_before(&s, b, &p), "the one before it is not there as long as it waits");
	ok(deliver(&s) && is_file(&s, a), "and stays when it is delivered");
	ok(spool_before(&s, b, &p) && p.number == a, "to be read with the next");
	s.fd = -1;
	spool_free(&s);
	ok(start(&s, 0, true) && is_file(&s, a), "also by another run");
	ok(spool_before(&s, b, &p) && p.number == a, "that finds it");
	ok(deliver(&s) && !is_file(&s, a), "and removes it then");
	spool_break(&s);
	is(spool_after(&s, b, &p, &growing), -ENOENT, "nothing goes on after a break");
	spool_free(&s);
	ok(start(&s, 0, true) && !is_file(&s, b), "nothing is left of what is delivered");
	spool_free(&s);
}

static void
test_bound(void)
{
	static struct spool s;
	struct spool_counts c;
	uint64_t first;

	ok(start(&s, 20 * 188, false), "a spool with a bound");
	first = put(&s, 8);
	put(&s, 8);
	c = spool_counts(&s);
	is(c.waiting_bytes, 16 * 188, "two pieces fit");
	put(&s, 8);
	c = spool_counts(&s);
	is(c.waiting_bytes, 16 * 188, "of three");
	is(c.dropped, 1, "one is dropped");
	ok(!is_file(&s, first), "the oldest");
	while (deliver(&s))
		;
	c = spool_counts(&s);
	is(c.waiting_bytes, 0, "nothing waits in the end");
	is(c.waiting, 0, "and no piece");
	spool_free(&s);
}

static void
test_empty(void)
{
	static struct spool s;
	static const uint8_t tables[2 * 188];
	struct piece p = { .copied = sizeof(tables) };
	struct spool_counts c;
	uint64_t number;
	size_t n;

	ok(start(&s, 0, false), "a spool whose disk is full");
	n = s.list.n;
	ok(spool_begin(&s, &p) == 0 && spool_write(&s, tables, sizeof(tables), 0) == 0 &&
	    spool_close(&s, &p) == 0, "a piece has its tables, and nothing else");
	number = p.number;
	c = spool_counts(&s);
	ok(c.waiting == 0 && c.waiting_bytes == 0 && c.dropped == 0, "it does not wait");
	ok(!is_file(&s, number) && s.list.n == n, "and is forgotten");
	ok(spool_begin(&s, &p) == 0 && p.number == number, "the next one has its number");
	p.copied = 0;
	ok(spool_close(&s, &p) == 0 && !is_file(&s, number), "and has nothing at all");
	is(put(&s, 1), number, "until something comes");
	deliver(&s);
	spool_free(&s);
}

static void *
sync_slowly(void *arg)
{
	is_slow = true;
	spool_sync(arg);
	return NULL;
}

/* One sync begins, more is written, and another sync is asked for before it has ended. */
static void
test_synced(void)
{
	static struct spool s;
	struct spool_counts c;
	pthread_t other;

	ok(start(&s, 0, false) && put(&s, 1) != 0, "a piece");
	sem_init(&began, 0, 0);
	ok(pthread_create(&other, NULL, sync_slowly, &s) == 0, "is synced by a thread");
	sem_wait(&began);
	put(&s, 1);
	spool_sync(&s);
	ok(atomic_load(&ended) > 0, "a second sync has waited for what the first has taken");
	pthread_join(other, NULL);
	c = spool_counts(&s);
	is(c.synced, c.written, "what ends last does not say less");
	put(&s, 3);
	atomic_store(&fails, true);
	spool_sync(&s);
	c = spool_counts(&s);
	ok(c.sync_error == -EIO && c.synced == c.written - 3 * 188, "a sync may fail");
	put(&s, 1);
	spool_sync(&s);
	c = spool_counts(&s);
	ok(c.sync_error == 0 && c.synced == c.written - 3 * 188,
	    "what it was for does not count later, either");
	while (deliver(&s))
		;
	spool_free(&s);
}

static void
test_recovery(void)
{
	static struct spool s;
	static const uint8_t torn[3 * 188 + 20] = { [3 * 188] = 0x47 };
	struct piece p = { .utc_ns = 5 * CLK_SECOND };
	uint64_t number;

	ok(start(&s, 0, false), "a piece is begun");
	spool_begin(&s, &p);
	number = p.number;
	spool_write(&s, torn, sizeof(torn), sizeof(torn));
	crash(&s);
	ok(start(&s, 0, false), "and the next run");
	ok(spool_next(&s, &p, clk_mono_ns()) && p.number == number, "has it");
	ok(p.recovered, "as one that a crash has ended");
	is(p.held, 3 * 188, "up to its last whole packet");
	is(p.bytes, p.held, "all of it");
	spool_free(&s);
	is(spool_init(&s, dir, "other", CLK_SECOND, 0, false), -EXDEV, "but not for another place");
}

/* With parts of the manifest written, what is in them is neither in memory nor on disk. */
static void
test_forget(void)
{
	struct spool s;
	uint64_t last = 0;
	bool good = start(&s, 0, false);

	for (unsigned i = 0; i < MANY && good; i++) {
		last = put(&s, 3);
		good = last > 0 && deliver(&s);
	}
	good = good && put(&s, 3) == last + 1;
	spool_forget(&s, last - 10);
	ok(good && s.list.n == 11 && s.list.p[0].number == last - 9, "%zu pieces are known",
	    s.list.n);
	ok(pieces_find(&s.list, last + 1) != NULL, "one that waits is");
	spool_forget(&s, UINT64_MAX);
	ok(s.list.n == 1 && s.list.p[0].number == last + 1, "and it is not forgotten");
	good = deliver(&s);
	spool_forget(&s, UINT64_MAX);
	ok(good && s.list.n == 1, "nor the last of all");
	spool_free(&s);
	good = start(&s, 0, false);
	ok(good && s.next == last + 2, "the next run goes on with its number");
	spool_forget(&s, UINT64_MAX);
	/* By this thread, or by the spool's own. */
	for (int i = 0; i < 30000 && journal_lines(&s) != 1 && journal_compact(&s) == 0; i++)
		usleep(1000);
	is(journal_lines(&s), 1, "its journal gets short");
	spool_free(&s);
}

/* The next one is made with what is kept of it, and its place in the list. */
static void
test_forget_kept(void)
{
	struct spool s;
	struct piece p;
	bool good = start(&s, 0, true);
	uint64_t a = put(&s, 3), b = put(&s, 3);

	good = good && put(&s, 3) == b + 1 && deliver(&s);
	spool_forget(&s, a);
	ok(good && spool_before(&s, b, &p) && p.number == a, "a piece whose file is kept is known");
	good = deliver(&s);
	spool_forget(&s, a);
	ok(good && pieces_find(&s.list, a) == NULL, "until the next one has gone");
	while (deliver(&s))
		;
	spool_free(&s);
}

/* A disk that is full in the middle of a line, and for the end of it. */
static void
test_torn(void)
{
	struct spool s;
	struct rlimit was = { .rlim_cur = RLIM_INFINITY }, full;
	struct piece p = { .slot = 1, .state = PIECE_CLOSED };
	struct stat st = { .st_size = 0 };
	bool good = start(&s, 0, false) && fstat(s.journal, &st) == 0 &&
	    getrlimit(RLIMIT_FSIZE, &was) == 0;

	signal(SIGXFSZ, SIG_IGN);
	full = was;
	full.rlim_cur = (rlim_t)st.st_size + 20;
	p.number = 1000;
	good = good && setrlimit(RLIMIT_FSIZE, &full) == 0 && spool_note(&s, &p) < 0;
	p.number = 1001;
	good = good && spool_note(&s, &p) < 0 && setrlimit(RLIMIT_FSIZE, &was) == 0;
	p.number = 1002;
	good = good && spool_note(&s, &p) == 0;
	p.number = 1003;
	ok(good && spool_note(&s, &p) == 0, "a journal that is full, and has room again");
	{
		struct pieces l = { .n = 0 };
		uint64_t bad = 0;
		char *text;
		size_t len;

		good = read_file(s.dir, "journal", 1 << 20, &text, &len) == 0 &&
		    journal_parse(&l, text, len, &bad) == 0;
		ok(good && bad == 1 && pieces_find(&l, 1002) != NULL &&
		    pieces_find(&l, 1003) != NULL, "what came then is whole, %u line is torn",
		    (unsigned)bad);
		free(text);
		pieces_free(&l);
	}
	spool_free(&s);
}

int
main(void)
{
	char rm[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	test_journal();
	test_kept();
	test_bound();
	test_empty();
	test_synced();
	test_recovery();
	snprintf(rm, sizeof(rm), "rm -r %s/*", dir);
	ok(system(rm) == 0, "it is emptied");
	test_forget();
	test_forget_kept();
	test_torn();
	snprintf(rm, sizeof(rm), "rm -r %s", dir);
	ok(system(rm) == 0, "all is removed");
	return done_testing();
}
