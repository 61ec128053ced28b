"""What the package ships to run at once, and the way to data of the user's own."""

from ._binary import BinaryPerceptron as BinaryPerceptron
from ._binary import binary_perceptron as binary_perceptron
from ._binary import mnist_sample as mnist_sample
from ._binary import ternary_perceptron as ternary_perceptron
from ._data import MEAN as MEAN
from ._data import STD as STD
from ._data import load_images as load_images
from ._language import minilm as minilm
from ._language import smollm2 as smollm2
from ._language import text_sample as text_sample
from ._load import cifar10_sample as cifar10_sample
from ._load import resnet20 as resnet20
from ._resnet18 import ResNet18 as ResNet18
from ._resnet18 import resnet18 as resnet18
from ._resnet20 import ResNet20 as ResNet20
from ._vgg8 import vgg8 as vgg8
from ._vgg8 import vgg8_images as vgg8_images
from ._vgg8 import vgg8_network as vgg8_network
