#!/usr/bin/python3
# t/rtspd.py PORT FILE [USER:PASSWORD [LATE]] - a server of RTSP by GStreamer: FILE, which is MP4 with
# AVC and AAC, at its own pace, at rtsp://127.0.0.1:PORT/cam.  Parameter sets are in the SDP
# only.  With LATE its clock, by which its sender reports go, is so many seconds late.
import sys
import time
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, GObject, Gst, GstRtspServer

Gst.init(None)
port, name = sys.argv[1:3]
server = GstRtspServer.RTSPServer(service=port, address='127.0.0.1')
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f'( filesrc location={name} ! qtdemux name=d '
    'd.video_0 ! queue ! h264parse config-interval=0 ! rtph264pay name=pay0 pt=96 '
    'd.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )')
factory.set_shared(True)
if len(sys.argv) > 3:
    user, password = sys.argv[3].split(':', 1)
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'user')
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role('user', 'media.factory.access', True)
    permissions.add_permission_for_role('user', 'media.factory.construct', True)
    factory.set_permissions(permissions)
if len(sys.argv) > 4:
    def by_clock(media):
        elements = media.get_element().get_parent().iterate_elements()
        while True:
            result, element = elements.next()
            if result != Gst.IteratorResult.OK:
                break
            if element.get_factory().get_name() == 'rtpbin':
                element.set_property('ntp-time-source', 'clock-time')
    factory.connect('media-configure', lambda f, media: media.connect('prepared', by_clock))
    clock = GObject.new(Gst.SystemClock)
    now = clock.get_internal_time()
    since_1900 = time.time_ns() + 2208988800 * 10**9 - int(sys.argv[4]) * 10**9
    clock.set_calibration(now, since_1900, 1, 1)
    factory.set_clock(clock)
server.get_mount_points().add_factory('/cam', factory)
if server.attach(None) == 0:
    sys.exit('cannot listen')
print('serving', flush=True)
GLib.MainLoop().run()
