#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/mask.h"

#define CLEAR	"\r\033[K"		/* the line that the cursor is in */

enum level { FATAL, WARNING, INFO, DEBUG };

static const char *const level_name[] = { "fatal", "warning", "info", "debug" };
static const char *prog = "?";
static int verbosity = INFO;
static bool status_shown;

void
log_init(const char *name)
{
	prog = name;
}

const char *
log_prog(void)
{
	return prog;
}

void
log_verbose(int delta)
{
	verbosity += delta;
	if (verbosity < FATAL)
		verbosity = FATAL;
}

/* tcgetpgrp fails unless stderr is our terminal. */
static bool
foreground(void)
{
	return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

/* Then the status line is that of the tool at the end of the pipeline. */
static bool
piped(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void
harmless(char *line)
{
	for (; *line != '\0'; line++)
		if (iscntrl((unsigned char)*line))
			*line = '?';
}

/* The whole line is one write(2), so that lines of two tools never mix. */
static void PRINTFLIKE(3, 0)
vlog(enum level level, int err, const char *fmt, va_list ap)
{
	char text[LOG_TEXT], shown[LOG_TEXT], line[LOG_TEXT + 200];
	size_t at = 0, len;

	if ((int)level > verbosity)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (status_shown || (piped() && foreground()))
		at = (size_t)snprintf(line, sizeof(line), CLEAR);
	status_shown = false;
	snprintf(line + at, sizeof(line) - 1 - at, "%s: %s: %s%s%s", prog, level_name[level],
	    mask_secrets(text, shown, sizeof(shown)), err != 0 ? ": " : "",
	    err != 0 ? strerror(err) : "");
	harmless(line + at);
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* there is nowhere left to complain */
}

void
fatal(int status, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(FATAL, err, fmt, ap);
	va_end(ap);
	exit(status);
}

void
log_warn(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(WARNING, err, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(DEBUG, 0, fmt, ap);
	va_end(ap);
}

static void
clear_status(void)
{
	if (status_shown && foreground())
		dprintf(STDERR_FILENO, CLEAR);
}

/* A row less one column: some terminals go on in the next row when the last is filled. */
static size_t
room(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 79;
	return size.ws_col - 1u;
}

void
log_status(const char *fmt, ...)
{
	static int64_t painted;		/* ns, CLOCK_MONOTONIC */
	static bool first = true;
	struct timespec ts;
	char text[160], line[200];
	size_t most;
	int64_t now;
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (now - painted < 250000000)
		return;
	painted = now;
	if (verbosity < INFO || !foreground() || piped())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s: %s", prog, text);
	harmless(line);
	most = room();
	if (strlen(line) > most) {
		while (most > 0 && (line[most] & 0xc0) == 0x80)
			most--;		/* no character of UTF-8 in two */
		line[most] = '\0';
	}
	if (first)
		atexit(clear_status);
	first = false;
	status_shown = true;
	dprintf(STDERR_FILENO, CLEAR "%s", line);
}

const char *
log_bytes(char text[static LOG_BYTES], uint64_t bytes)
{
	static const char *const unit[] = { "kB", "MB", "GB" };
	unsigned i = 0;

	for (bytes /= 1000; bytes >= 10000 && i < 2; i++)
		bytes /= 1000;
	snprintf(text, LOG_BYTES, "%" PRIu64 " %s", bytes, unit[i]);
	return text;
}
