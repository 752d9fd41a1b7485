/*
 * clk.h - the clocks of the machine and the time formats of the wire.
 *
 * Units    ns; 90 kHz and 27 MHz ticks; NTP is 32.32 seconds since 1900.
 * Threads  Any.
 */
#ifndef CLK_H
#define CLK_H

#include <stddef.h>
#include <stdint.h>

#define CLK_SECOND	INT64_C(1000000000)	/* ns */
#define CLK_90K		INT64_C(90000)
#define CLK_27M		INT64_C(27000000)

int64_t clk_mono_ns(void);		/* CLOCK_MONOTONIC */
int64_t clk_utc_ns(void);		/* since 1970 */

uint64_t clk_ns_to_ntp(int64_t utc_ns);
int64_t clk_ntp_to_ns(uint64_t ntp);	/* era 0: until 2036 */

/*
 * Sleep until CLOCK_MONOTONIC says deadline_ns.  Returns 0, or -EINTR at once
 * when a stop has been asked for (io.h).
 */
int clk_sleep_until(int64_t deadline_ns);

/* "2026-11-22T17:00:00.123Z" into buf, which has CLK_ISO bytes. */
#define CLK_ISO		32
void clk_iso(int64_t utc_ns, char buf[static CLK_ISO]);

/* Read such a date, with any number of decimals, Z or an offset.  0 or -EINVAL. */
int clk_parse_iso(const char *s, int64_t *utc_ns);

#endif
