# t/probe.sh - sourced after lib.sh by the tests of mconnect-probe.
#
#   number FILE NAME		that number in the summary of these lines
#   rules FILE			"RULE=COUNT ..." of all rules with faults, in order
#   events FILE NAME		"STATE PID DETAIL" of each event of that name
#
# shellcheck shell=sh

number () {
	perl -MJSON::PP -e 'open my $f, "<", $ARGV[0] or die;
		my $v;
		while (<$f>) {
			my $o = decode_json($_);
			$v = $o->{$ARGV[1]} if $o->{what} eq "summary";
		}
		print $v // "none", "\n"' "$1" "$2"
}

rules () {
	perl -MJSON::PP -e 'open my $f, "<", $ARGV[0] or die;
		my %n = (source_ts_sync_loss => "1.1", source_ts_byte_error => "1.2", source_pat_error => "1.3",
			source_continuity_counter => "1.4", source_pmt_error => "1.5", source_pid_error => "1.6",
			source_transport_error => "2.1", source_crc_error => "2.2", source_pcr_repetition_error => "2.3a",
			source_pcr_discontinuity_indicator_error => "2.3b", source_pcr_accuracy_error => "2.4",
			source_pts_error => "2.5", source_cat_error => "2.6", source_nit_error => "3.1",
			source_unreferenced_pid => "3.4", source_sdt_error => "3.5", source_eit_error => "3.6",
			source_rst_error => "3.7", source_tdt_error => "3.8");
		while (<$f>) {
			my $o = decode_json($_);
			next if $o->{what} ne "summary";
			die "a rule is not there" if grep { !exists $o->{$_} } keys %n;
			print join(" ", sort map { "$n{$_}=$o->{$_}" } grep { $o->{$_} } keys %n), "\n";
		}' "$1"
}

events () {
	perl -MJSON::PP -e 'open my $f, "<", $ARGV[0] or die;
		while (<$f>) {
			my $o = decode_json($_);
			print join(" ", $o->{state}, $o->{pid} // "-", $o->{detail} // ""), "\n"
				if $o->{what} eq "event" && $o->{name} eq $ARGV[1];
		}' "$1" "$2"
}
