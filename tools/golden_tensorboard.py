"""Writes packages/evenhand/golden/track/tensorboard.json: records of an event file as TensorBoard's own code writes them.

Run with a Python that has the package tensorboard; the committed file was written with tensorboard 2.21.0.
"""

import io
import json
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

FILE = Path(__file__).resolve().parent.parent / "packages/evenhand/golden/track/tensorboard.json"


class Sink(io.BytesIO):
    def flush(self):
        pass


def record(event):
    sink = Sink()
    RecordWriter(sink).write(event.SerializeToString())
    return sink.getvalue().hex()


def plugin(tag, data):
    metadata = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=data.SerializeToString())
    )
    tensor = TensorProto(dtype="DT_FLOAT", tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim()]))
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def start(kind, value):
    info = SessionStartInfo(group_name="runs/one", start_time_secs=1.5)
    setattr(info.hparams["setting"], f"{kind}_value", value)
    return Event(wall_time=1.5, summary=plugin("_hparams_/session_start_info", HParamsPluginData(session_start_info=info)))


image = Summary.Image(height=2, width=300, colorspace=3, encoded_image_string=bytes(range(256)))
end = HParamsPluginData(session_end_info=SessionEndInfo(status=STATUS_FAILURE, end_time_secs=9.25))
EVENTS = {
    "version": Event(wall_time=1.5, file_version="brain.Event:2"),
    "restart": Event(wall_time=1.5, session_log=SessionLog(status=SessionLog.START)),
    "scalars": Event(
        wall_time=2.5,
        step=300,
        summary=Summary(
            value=[
                Summary.Value(tag="score/macroF1", simple_value=0.1),
                Summary.Value(tag="loss/train", simple_value=0),
            ]
        ),
    ),
    "image": Event(wall_time=2.5, step=3, summary=Summary(value=[Summary.Value(tag="confusion matrix", image=image)])),
    "number": start("number", 0.25),
    "string": start("string", "été"),
    "bool": start("bool", True),
    "end": Event(wall_time=9.25, summary=plugin("_hparams_/session_end_info", end)),
}
FILE.parent.mkdir(parents=True, exist_ok=True)
FILE.write_text(json.dumps({name: record(event) for name, event in EVENTS.items()}, indent=1) + "\n")
