# cues.pl VECTORS TOOL - each vector of t/cues.tsv through mlive-cue show -j: its fields
# are as expected, or it is refused where it should be.  Says what is not.
use strict;
use warnings;
use JSON::PP;

my ($vectors, $tool) = @ARGV;
my %command = (0 => 'splice_null', 4 => 'splice_schedule', 5 => 'splice_insert',
	6 => 'time_signal', 7 => 'bandwidth_reservation', 255 => 'private');
my ($line, $bad, $seen) = (0, 0, 0);

sub same {
	my ($what, $got, $want) = @_;
	$_ = ref $_ eq 'JSON::PP::Boolean' ? ($_ ? 1 : 0) : $_ // 'nothing' for $got, $want;
	return if $got eq $want;
	print "line $line: $what is '$got', not '$want'\n";
	$bad++;
}

sub segmentation {
	my ($d, $want) = @_;
	same('event', $d->{segmentation_event_id}, $want->{event_id});
	same('cancel', $d->{segmentation_event_cancel_indicator}, $want->{cancel});
	return if $want->{cancel};
	same('type', $d->{segmentation_type_id}, hex $want->{type});
	same('number', $d->{segment_num}, $want->{num});
	same('expected', $d->{segments_expected}, $want->{exp});
	same('duration', $d->{segmentation_duration}, $want->{dur});
	same('UPID type', $d->{segmentation_upid_type}, $want->{upid_type});
	same('sub-segment', $d->{sub_segment_num}, $want->{sub} ? $want->{sub}[0] : undef);
	if (my $r = $want->{restr}) {
		same('web', $d->{web_delivery_allowed_flag}, $r->{web});
		same('devices', $d->{device_restrictions}, $r->{dev});
	}
	my ($got, $upid) = ($d->{segmentation_upid} // '', $want->{upid});
	if (ref $upid eq 'ARRAY') {
		same('UPIDs', scalar @$got, scalar @$upid);
		same('a UPID', $got->[$_]{segmentation_upid} // '', $upid->[$_]{v}) for 0 .. $#$upid;
	} elsif (ref $upid eq 'HASH') {
		same('MPU', $got->{format_identifier}, $upid->{fmt});
		same('MPU', $got->{private_data}, $upid->{priv});
	} else {
		same('UPID', $got, $upid);
	}
}

open my $in, '<', $vectors or die "$vectors: $!\n";
while (<$in>) {
	$line++;
	next if /^#/;
	my ($text, $json) = split /\t/;
	my $want = decode_json($json);
	open my $out, '-|', $tool, 'show', '-qq', '-j', '--damaged', '--', $text or die;
	my $answer = join '', <$out>;
	close $out;
	$seen++;
	if ($want->{expect}) {
		same('refused', $? == 0 ? 'no' : 'yes', 'yes');
		next;
	}
	same('status', $?, 0);
	my $o = $answer ne '' ? decode_json($answer) : {};
	my $s = $o->{splice_info_section};
	same('CRC', $o->{crc_error} ? 0 : 1, $want->{crc_ok});
	same('command', $command{$s->{splice_command_type}}, $want->{cmd});
	same('pts_adjustment', $s->{pts_adjustment}, $want->{pts_adj});
	same('tier', $s->{tier}, $want->{tier});
	same('sap_type', $s->{sap_type}, $want->{sap});
	same('pts', $o->{splice_time}, defined $want->{pts} ?
	    ($want->{pts} + $want->{pts_adj}) % 2 ** 33 : undef);
	if (my $e = $s->{splice_insert}) {
		same('event', $e->{splice_event_id}, $want->{event_id});
		same('out', $e->{out_of_network_indicator}, $want->{out});
		same('immediate', $e->{splice_immediate_flag}, $want->{immediate});
		same('duration', $e->{break_duration} && $e->{break_duration}{duration},
		    $want->{break_dur});
		same('program', $e->{unique_program_id}, $want->{unique_program_id});
		same('avails', $e->{avails_expected}, $want->{avails_expected});
	}
	same('descriptors', scalar @{$s->{descriptors}}, scalar @{$want->{desc}});
	for my $i (0 .. $#{$want->{desc}}) {
		my ($d, $w) = ($s->{descriptors}[$i], $want->{desc}[$i]);
		same('tag', $d->{splice_descriptor_tag}, $w->{tag});
		segmentation($d, $w) if $w->{tag} == 2 && defined $w->{event_id};
		same('avail', $d->{provider_avail_id}, $w->{provider_avail_id})
		    if defined $w->{provider_avail_id};
		same('tones', $d->{DTMF_char}, $w->{dtmf}) if defined $w->{dtmf};
	}
}
print "$seen vectors\n";
exit($bad || !$seen ? 1 : 0);
