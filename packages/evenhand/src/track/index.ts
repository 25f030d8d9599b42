// Runs in TensorBoard and MLflow. The run folder is the record: what is sent is read from it, during a training or later.
export { followRun, sendRun } from './follow.js';
export { MlflowServer } from './mlflow.js';
export { TensorBoard } from './tensorboard.js';
export { TrackError, type Tracker } from './tracker.js';
