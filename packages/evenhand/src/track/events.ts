import { PbfWriter } from 'pbf';

/** PNG bytes with their size in pixels. */
export interface Png {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A value of a hyper-parameter. */
export type HyperParameter = number | string | boolean;

/** HParamsPluginData.session_end_info.status. */
const SESSION_STATUS = { finished: 1, failed: 2, stopped: 0, running: 3 } as const;

interface Moment {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
}

type Write<T> = (value: T, writer: PbfWriter) => void;

/**
 * The messages below are TensorFlow's and TensorBoard's: event.proto, summary.proto, and plugin_data.proto of the plugin
 * hparams (https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto).
 *
 * @returns an Event message
 */
function event({ time, step }: Moment, write: (writer: PbfWriter) => void): Uint8Array {
  const writer = new PbfWriter();
  writer.writeDoubleField(1, time);
  if (step > 0) writer.writeVarintField(2, step);
  write(writer);
  return writer.finish();
}

/** The first event of a file. */
export const versionEvent = (time: number): Uint8Array =>
  event({ time, step: 0 }, (writer) => writer.writeStringField(3, 'brain.Event:2'));

/** Tells TensorBoard to forget the events of an earlier file of the run. */
export const restartEvent = (time: number): Uint8Array =>
  event({ time, step: 0 }, (writer) =>
    writer.writeMessage(7, (status: number, inner) => inner.writeVarintField(1, status), 1),
  );

/** Scalars by their tags. */
export function scalarsEvent(moment: Moment, scalars: ReadonlyMap<string, number>): Uint8Array {
  return summaryEvent(moment, (summary) => {
    for (const scalar of scalars) summary.writeMessage(1, writeScalar, scalar);
  });
}

const writeScalar: Write<readonly [string, number]> = ([tag, value], writer) => {
  writer.writeStringField(1, tag);
  writer.writeFloatField(2, value);
};

export function imageEvent(moment: Moment, tag: string, image: Png): Uint8Array {
  return summaryEvent(moment, (summary) =>
    summary.writeMessage(
      1,
      (_: null, value) => {
        value.writeStringField(1, tag);
        value.writeMessage(4, writeImage, image);
      },
      null,
    ),
  );
}

const RGB = 3;

const writeImage: Write<Png> = ({ width, height, bytes }, writer) => {
  writer.writeVarintField(1, height);
  writer.writeVarintField(2, width);
  writer.writeVarintField(3, RGB);
  writer.writeBytesField(4, bytes);
};

/** The hyper-parameters of a run, for TensorBoard's page HPARAMS. */
export function hyperParametersEvent(
  time: number,
  group: string,
  parameters: Readonly<Record<string, HyperParameter>>,
): Uint8Array {
  return pluginEvent(time, '_hparams_/session_start_info', (data) =>
    data.writeMessage(
      3,
      (_: null, start) => {
        for (const entry of Object.entries(parameters)) start.writeMessage(1, writeHyperParameter, entry);
        start.writeStringField(4, group);
        start.writeDoubleField(5, time);
      },
      null,
    ),
  );
}

/** An entry of map<string, google.protobuf.Value>. */
const writeHyperParameter: Write<readonly [string, HyperParameter]> = ([name, value], writer) => {
  writer.writeStringField(1, name);
  writer.writeMessage(2, writeValue, value);
};

const writeValue: Write<HyperParameter> = (value, writer) => {
  if (typeof value === 'number') writer.writeDoubleField(2, value);
  else if (typeof value === 'string') writer.writeStringField(3, value);
  else writer.writeBooleanField(4, value);
};

/** How a run has ended, for TensorBoard's page HPARAMS. */
export function sessionEndEvent(time: number, status: keyof typeof SESSION_STATUS): Uint8Array {
  return pluginEvent(time, '_hparams_/session_end_info', (data) =>
    data.writeMessage(
      4,
      (code: number, end) => {
        end.writeVarintField(1, code);
        end.writeDoubleField(2, time);
      },
      SESSION_STATUS[status],
    ),
  );
}

const DT_FLOAT = 1;

/** A value of the plugin hparams: all of it is in its metadata, and the tensor is empty. */
function pluginEvent(time: number, tag: string, writeData: (data: PbfWriter) => void): Uint8Array {
  const content = new PbfWriter();
  writeData(content);
  const bytes = content.finish();
  return summaryEvent({ time, step: 0 }, (summary) =>
    summary.writeMessage(
      1,
      (_: null, value) => {
        value.writeStringField(1, tag);
        value.writeMessage(8, writeEmptyTensor, null);
        value.writeMessage(9, writeMetadata, bytes);
      },
      null,
    ),
  );
}

const writeEmptyTensor: Write<null> = (_, tensor) => {
  tensor.writeVarintField(1, DT_FLOAT);
  // A shape with one dimension, of size 0.
  tensor.writeMessage(2, (_shape: null, shape) => shape.writeMessage(2, () => {}, null), null);
};

const writeMetadata: Write<Uint8Array> = (content, metadata) =>
  metadata.writeMessage(
    1,
    (bytes: Uint8Array, plugin) => {
      plugin.writeStringField(1, 'hparams');
      plugin.writeBytesField(2, bytes);
    },
    content,
  );

function summaryEvent(moment: Moment, write: (summary: PbfWriter) => void): Uint8Array {
  return event(moment, (writer) => writer.writeMessage(5, (_: null, summary) => write(summary), null));
}
