/* What a terminal gets to see: the status line, how wide it is and when it goes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "t/tap.h"

#define CLEAR		"\r\033[K"
#define TEXT		"0123456789012345678901234567890123456789"

enum out { OUT_TERMINAL, OUT_FILE, OUT_PIPE };

static char got[1024];			/* by the terminal */

static void
say(const char *text, enum out out, bool message)
{
	int fd[2];

	if (out == OUT_FILE)
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	if (out == OUT_PIPE && pipe(fd) == 0)
		dup2(fd[1], STDOUT_FILENO);
	log_init("tool");
	if (text != NULL)
		log_status("%s", text);
	if (message)
		log_info("done");
	exit(0);
}

/* Of a process whose terminal has so many columns. */
static const char *
shown(const char *text, unsigned short columns, enum out out, bool message)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0 ||
	    ioctl(slave, TIOCSWINSZ, &size) < 0)
		return "no terminal";
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(slave, fd);
		say(text, out, message);
	}
	close(slave);
	while (len < sizeof(got) - 1 &&
	    (n = read(master, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	close(master);
	waitpid(pid, NULL, 0);
	return got;
}

/* What it shows is this, byte by byte. */
static void
shows(const char *seen, const char *want, const char *name)
{
	if (ok(strcmp(seen, want) == 0, "%s", name))
		return;
	for (; *seen != '\0'; seen++)
		printf(*seen < ' ' || *seen == 127 ? "\\%03o" : "%c", *seen);
	printf("\n");
}

int
main(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} size[] = {
		{ 0, "0 kB" }, { 999, "0 kB" }, { 1000, "1 kB" }, { 9999999, "9999 kB" },
		{ 10000000, "10 MB" }, { UINT64_C(9999999999), "9999 MB" },
		{ UINT64_C(10000000000), "10 GB" }, { UINT64_MAX, "18446744073 GB" },
	};
	char wide[200], want[200];

	shows(shown("as it goes", 80, OUT_TERMINAL, false), CLEAR "tool: as it goes" CLEAR,
	    "a status line, which is gone at the end");
	shows(shown("as it goes", 80, OUT_TERMINAL, true),
	    CLEAR "tool: as it goes" CLEAR "tool: info: done\r\n", "and before a message");
	shows(shown("as it goes", 80, OUT_FILE, false), CLEAR "tool: as it goes" CLEAR,
	    "also where standard output is a file");
	shows(shown("as it goes", 80, OUT_PIPE, false), "",
	    "but not where it is a pipe: there the line is that of who reads it");
	shows(shown(NULL, 80, OUT_PIPE, true), CLEAR "tool: info: done\r\n",
	    "which a message of ours makes room in");
	shows(shown(NULL, 80, OUT_FILE, true), "tool: info: done\r\n",
	    "while others stand alone");
	shows(shown(TEXT TEXT, 30, OUT_TERMINAL, false),
	    CLEAR "tool: 01234567890123456789012" CLEAR, "it never fills the last column");
	memset(wide, 'x', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	snprintf(want, sizeof(want), CLEAR "tool: %.73s" CLEAR, wide);
	shows(shown(wide, 0, OUT_TERMINAL, false), want, "a terminal of unknown width has 80");
	shows(shown("\xc3\xa9t\xc3\xa9", 10, OUT_TERMINAL, false),
	    CLEAR "tool: \xc3\xa9t" CLEAR, "no character is cut in two");
	shows(shown("a\033[2J\nb", 80, OUT_TERMINAL, false), CLEAR "tool: a?[2J?b" CLEAR,
	    "control characters of a name are not for the terminal");
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		char text[LOG_BYTES];

		ok(strcmp(log_bytes(text, size[i].bytes), size[i].text) == 0, "%" PRIu64
		    " bytes are %s", size[i].bytes, size[i].text);
	}
	return done_testing();
}
